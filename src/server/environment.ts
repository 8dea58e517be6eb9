/**
 * Read by PostGraphile's packages while they load: with nothing set they print a notice, and in development
 * mode they check each request at a cost. Import this first.
 */
process.env["GRAPHILE_ENV"] ??= "production";
