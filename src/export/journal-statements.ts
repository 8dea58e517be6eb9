/**
 * Of the session that reads a journal: everything is joined once, as a whole. Just after many transactions were made the
 * planner takes them for few, and would look through all entries anew for each.
 */
export const SETTINGS = { enable_nestloop: "off" };

/** The currencies of a ledger's accounts. */
export const COMMODITIES = `
  select code, exponent
    from daybook.currencies
   where code in (select currency from daybook.accounts where ledger = $1)
   order by code`;

export const ACCOUNTS = `
  select id, address, currency, normal_balance
    from daybook.accounts
   where ledger = $1
   order by address`;

export const COUNT_POSTED = `
  select count(*)::integer as count from daybook.transactions where ledger = $1 and status = 'posted'`;

/** Posted transactions with their lines as [address, direction, amount, currency, exponent]. */
export const POSTED = `
  select t.id, t.description, t.external_id, t.reverses_transaction_id, t.partially_posts_transaction_id,
         t.counterpart_ledger, t.counterpart_transaction_id,
         extract(year from t.effective_at)::integer as year,
         to_char(t.effective_at, 'YYYY-MM-DD') as date,
         to_char(t.effective_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as effective_at,
         l.lines
    from daybook.transactions t
    join (
      select e.transaction_id,
             json_agg(json_build_array(a.address, e.direction, e.amount::text, e.currency, a.currency_exponent)
                      order by e.transaction_version, e.position) as lines
        from daybook.entries e
        join daybook.accounts a on a.id = e.account_id
       where e.ledger = $1 and a.ledger = $1 and e.effect in ('posted', 'settled')
       group by e.transaction_id
    ) l on l.transaction_id = t.id
   where t.ledger = $1 and t.status = 'posted'
   order by t.effective_at, t.id`;
