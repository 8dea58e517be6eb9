import { describe, expect, test } from "@jest/globals";
import type { Books } from "../../torture/checks/books.ts";
import { checkFinal } from "../../torture/checks/final.ts";
import type { Deed } from "../../torture/clients/deed.ts";
import { asked, booksOf, findingsOf, logged, opened } from "./support.ts";

const address = "a";
const check = (books: Books, ...deeds: Deed[]) =>
  findingsOf((report) => checkFinal(books, [opened(address), ...deeds], report));

const limits = (id: string, max: number, sent: number, ended?: number) =>
  asked(id, "set_account_limits", { address, balance_max: max }, sent, ended);
const limited = (max: number) => logged("set_account_limits", { address, balance_max: max });
const account = (max: number | null) => ({ address, balance_max: max && `${max}` });

const close = (id: string, sent: number, ended?: number) =>
  asked(id, "close_account", { address }, sent, ended);
const reopen = (id: string, sent: number, ended?: number) =>
  asked(id, "reopen_account", { address }, sent, ended);
const tag = (id: string, sent: number, ended?: number) =>
  asked(id, "set_account_metadata", { address, metadata: { [id]: true } }, sent, ended);
const tagged = (id: string) =>
  logged("set_account_metadata", { address, metadata: { [id]: true } });

const closeUntil = (id: string, until: string, sent: number, ended?: number) =>
  asked(id, "close_period", { until }, sent, ended);
const closedUntil = (until: string) => logged("close_period", { until });

describe("limits", () => {
  test("are those that were set last", () => {
    const books = booksOf([account(2)], { events: [limited(1), limited(2)] });
    expect(check(books, limits("x", 1, 1, 2), limits("y", 2, 3, 4))).toEqual([]);
  });

  test("are those of either of two who set them at once, or of somebody who was not answered", () => {
    const books = booksOf([account(1)], { events: [limited(2), limited(1)] });
    expect(check(books, limits("x", 1, 1, 4), limits("y", 2, 3, 5))).toEqual([]);
    expect(check(books, limits("x", 1, 1), limits("y", 2, 3, 5))).toEqual([]);
    expect(
      check(
        booksOf([account(2)], { events: [limited(2)] }),
        limits("x", 1, 1),
        limits("y", 2, 3, 5),
      ),
    ).toEqual([]);
  });

  test("are not those of somebody who was answered before another asked", () => {
    const books = booksOf([account(1)], { events: [limited(2), limited(1)] });
    expect(check(books, limits("x", 1, 1, 2), limits("y", 2, 3, 4))).toEqual([
      expect.stringMatching(/nobody can have done then \[a, y\]/),
    ]);
  });

  test("that were acknowledged are logged, once, and are there", () => {
    const lost = check(booksOf([account(null)]), limits("x", 1, 1, 2));
    expect(lost).toEqual([expect.stringMatching(/acknowledged, and not in the log \[a, x\]/)]);
    const twice = booksOf([account(1)], { events: [limited(1), limited(1)] });
    expect(check(twice, limits("x", 1, 1, 2))).toEqual([
      expect.stringMatching(/nobody can have done/),
    ]);
    const forgotten = booksOf([account(null)], { events: [limited(1)] });
    expect(check(forgotten, limits("x", 1, 1, 2))).toEqual([
      "limits a is [null,null], and should be [null,1] [a]",
    ]);
  });

  test("of somebody who was refused are not there", () => {
    const refused = Object.assign(limits("x", 1, 1, 2), { fate: "refused" });
    expect(check(booksOf([account(1)], { events: [limited(1)] }), refused)).toHaveLength(1);
  });
});

describe("closings", () => {
  const [closed, reopened] = [
    logged("close_account", { address }),
    logged("reopen_account", { address }),
  ];

  test("leave nothing where they change nothing", () => {
    const books = booksOf([{ address, closed_at: new Date() }], { events: [closed] });
    expect(check(books, reopen("v", 0, 1), close("x", 1, 2), close("y", 3, 4))).toEqual([]);
  });

  test("may have changed nothing at any moment while they ran", () => {
    // y came between the two records; that it had not ended when z began is no reason to place it later.
    const books = booksOf([{ address }], { events: [closed, reopened] });
    expect(check(books, close("x", 1, 2), close("y", 3, 6), reopen("z", 5, 7))).toEqual([]);
  });

  test("may change something that another one of them could have changed", () => {
    const books = booksOf([{ address, closed_at: new Date() }], {
      events: [closed, reopened, closed],
    });
    expect(check(books, close("x", 1, 2), reopen("y", 3, 6), close("z", 3, 8))).toEqual([]);
  });

  test("that were acknowledged are there, unless somebody can have undone them", () => {
    expect(check(booksOf([{ address }]), close("x", 1, 2))).toEqual([
      expect.stringMatching(/acknowledged, and not in the log/),
    ]);
    const books = booksOf([{ address }], { events: [closed, reopened] });
    expect(check(books, close("x", 3, 4), reopen("y", 1, 2))).toHaveLength(1);
    expect(check(books, close("x", 3, 4), reopen("y", 1))).toEqual([]);
  });
});

describe("metadata", () => {
  test("are all that were set", () => {
    const books = booksOf([{ address, metadata: { y: true, x: true } }], {
      events: [tagged("x"), tagged("y")],
    });
    expect(check(books, tag("x", 1, 3), tag("y", 2, 4))).toEqual([]);
  });

  test("of two who set them at once are not those of one alone", () => {
    const books = booksOf([{ address, metadata: { y: true } }], {
      events: [tagged("x"), tagged("y")],
    });
    expect(check(books, tag("x", 1, 3), tag("y", 2, 4))).toEqual([
      `account's metadata a is {"y":true}, and should be {"x":true,"y":true} [a]`,
    ]);
  });
});

describe("periods", () => {
  const [early, late] = ["2019-01-01T00:00:00Z", "2019-06-01T00:00:00Z"];

  test("that are closed so far already leave nothing", () => {
    const books = booksOf([{ address }], {
      events: [closedUntil(late)],
      closedUntil: new Date(late),
    });
    expect(check(books, closeUntil("x", late, 1, 2), closeUntil("y", early, 3, 4))).toEqual([]);
    expect(check(books, closeUntil("y", early, 1, 2), closeUntil("x", late, 3, 4))).toHaveLength(1);
  });
});

describe("members", () => {
  test("are those that were added, and nobody else", () => {
    const add = asked("x", "add_to_category", { category: "c", account: address }, 1, 2);
    const made = asked("c", "create_category", { category: "c", currency: "USD" }, 0, 1);
    const events = [
      logged("create_category", { category: "c", currency: "USD" }),
      logged("add_to_category", { category: "c", account: address }),
    ];
    const categories = [{ category: "c" }];
    const members = [{ category: "c", account: address, child_category: null }];
    expect(check(booksOf([{ address }], { events, categories, members }), made, add)).toEqual([]);
    expect(check(booksOf([{ address }], { events, categories }), made, add)).toHaveLength(1);
    expect(
      check(booksOf([{ address }], { categories, members, events: events.slice(0, 1) }), made),
    ).toHaveLength(1);
  });
});
