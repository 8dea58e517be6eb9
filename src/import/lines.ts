const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** More than a transaction can need. A file without line ends must not fill the memory. */
export const LINE_BYTES_MAX = 1_048_576;

/** What is kept of a line that is too long, to recognise it by. */
const BEGINNING_BYTES = 1000;

export type Line = {
  /** From 1 on. */
  number: number;
  /** Without its line end; only the beginning if it is too long. */
  bytes: Buffer;
  tooLong: boolean;
  /** Bytes of the input up to here. */
  end: number;
};

/**
 * Splits a stream into lines, ended by LF or CRLF, the last one perhaps by nothing. A byte order mark is dropped.
 * Holds no more than a chunk and a line.
 * @param most bytes of a line that is not too long
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  most = LINE_BYTES_MAX,
): AsyncGenerator<Line> {
  let pieces: Buffer[] = [];
  let length = 0;
  let number = 0;
  let end = 0;

  const keep = (piece: Buffer) => {
    if (length <= most) pieces.push(piece);
    length += piece.length;
    end += piece.length;
  };
  const take = (): Line => {
    const tooLong = length > most;
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    number += 1;
    const bytes = trim(whole, number === 1);
    pieces = [];
    length = 0;
    return { number, bytes: tooLong ? bytes.subarray(0, BEGINNING_BYTES) : bytes, tooLong, end };
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, at));
      end += 1;
      start = at + 1;
      yield take();
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield take();
}

function trim(bytes: Buffer, isFirst: boolean): Buffer {
  const start = isFirst && bytes.indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0;
  return bytes.subarray(start, bytes.at(-1) === RETURN ? -1 : undefined);
}
