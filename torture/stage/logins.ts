/** Who the SQL clients are: a login like that of any service. */
export const LOGIN = "torture";

/** Who keeps the ledger over SQL; of those over GraphQL the server asks nothing. */
export const OPERATOR_LOGIN = "torture_operator";
export const OPERATORS = ["o0", "o1"];

/** The login of somebody who may only read what one operator, and nobody else, granted him. */
export const guestOf = (operator: string) => `torture_guest_${operator}`;

/** All who come in by SQL, and to what they belong. */
const MEMBERSHIPS: Record<string, string> = {
  [LOGIN]: "daybook_writer",
  [OPERATOR_LOGIN]: "daybook_admin",
  ...Object.fromEntries(OPERATORS.map((one) => [guestOf(one), "daybook_reader"])),
};

/** Names of everybody who works, for a list in SQL: clients, the server and the workers. */
export const WORKING = [...Object.keys(MEMBERSHIPS), "daybook_authenticator", "daybook_worker"]
  .map((name) => `'${name}'`)
  .join(", ");

/** Makes the logins. */
export const loginsSql = (password: string): string =>
  Object.entries(MEMBERSHIPS)
    .map(([name, group]) => `create role ${name} login password '${password}' in role ${group};`)
    .join("\n");
