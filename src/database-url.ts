/**
 * The same database, entered with another login.
 * @param url a postgres:// URL
 * @returns the URL with login and password replaced
 */
export function withLogin(url: string, user: string, password: string): string {
  const changed = new URL(url);
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
  return changed.href;
}

/**
 * The same database, with settings for each session, as `psql` with PGOPTIONS: they hold from the first
 * statement on and survive `reset all`.
 * @param settings names and values; a `role` is taken as by `set role`
 */
export function withSettings(url: string, settings: Record<string, string>): string {
  const changed = new URL(url);
  const flags = Object.entries(settings).map(
    ([name, value]) => `-c ${name}=${value.replace(/[\\ ]/g, "\\$&")}`,
  );
  const given = changed.searchParams.get("options");
  changed.searchParams.set("options", [given, ...flags].filter(Boolean).join(" "));
  return changed.href;
}
