/** What stands before several hosts, these, and what stands behind them. */
const SEVERAL = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@]*,[^/?#@]*)([/?#].*)?$/is;

/**
 * The servers that a URL names: as for psql, `postgres://one:5432,two:5432/books` names two.
 * @returns for each server a URL of its own, in order
 */
export function serversOf(url: string): string[] {
  const [, before, hosts, behind = ""] = SEVERAL.exec(url) ?? [];
  return hosts?.split(",").map((host) => `${before}${host}${behind}`) ?? [url];
}

/**
 * The same database, entered with another login.
 * @param url a postgres:// URL
 * @returns the URL with login and password replaced
 */
export function withLogin(url: string, user: string, password: string): string {
  return change(url, (changed) => {
    changed.searchParams.delete("user");
    changed.searchParams.delete("password");
    if (changed.hostname === "") {
      // A URL without a host, as for a Unix socket, has no room for a login but among its parameters.
      changed.searchParams.set("user", user);
      changed.searchParams.set("password", password);
    } else {
      changed.username = encodeURIComponent(user);
      changed.password = encodeURIComponent(password);
    }
  });
}

/**
 * The same database, with settings for each session, as `psql` with PGOPTIONS: they hold from the first
 * statement on and survive `reset all`.
 * @param settings names and values; a `role` is taken as by `set role`
 */
export function withSettings(url: string, settings: Record<string, string>): string {
  const flags = Object.entries(settings).map(
    ([name, value]) => `-c ${name}=${value.replace(/[\\ ]/g, "\\$&")}`,
  );
  return change(url, ({ searchParams }) => {
    const given = searchParams.get("options");
    searchParams.set("options", [given, ...flags].filter(Boolean).join(" "));
  });
}

/** A URL object has no room for several hosts: they are put back when it has been changed. */
function change(url: string, work: (changed: URL) => void): string {
  const changed = new URL(serversOf(url)[0]!);
  work(changed);
  const [, , hosts] = SEVERAL.exec(url) ?? [];
  if (hosts === undefined) return changed.href;
  return changed.href.replace(/^([^/]*\/\/(?:[^/?#]*@)?)[^/?#]*/, (_, before) => before + hosts);
}
