/*
 * The statement that compares the database with the files. It must not fail when schema_migration is not there, and a
 * statement that names a missing table fails before it runs: so the comparison is a text, which query_to_xml runs only
 * when to_regclass has found the table. Its answer is one column named "answer"; none of the answers holds a character
 * that XML would write differently.
 *
 * All of it is numbers, hexadecimal digits and names in a-z, 0-9 and _, so it can be put together as text.
 */
#include "core/migrate/parts.h"

static const char *values_of(const migration_list *list)
{
    arena *memory = list->memory;
    const char *values = "";
    const migration *m;
    STAILQ_FOREACH(m, &list->migrations, next)
    {
        values =
            arena_format(memory, "%s%s('%s',%d,'%s')", values, *values ? "," : "", m->owner, m->number, m->checksum);
    }
    return values;
}

const char *check_sql_make(const migration_list *list)
{
    if (STAILQ_EMPTY(&list->migrations))
        return "SELECT ''";
    return arena_format(
        list->memory,
        "SELECT CASE WHEN to_regclass('schema_migration') IS NULL"
        " THEN 'the database has no schema yet: run \"talelio migrate\"'"
        " ELSE coalesce(substring(query_to_xml($check$"
        "WITH expected(owner, number, checksum) AS (VALUES %s),"
        " latest AS (SELECT e.owner, max(e.number) AS wanted,"
        " coalesce((SELECT max(a.number) FROM schema_migration a WHERE a.owner = e.owner), 0) AS found"
        " FROM expected e GROUP BY e.owner),"
        " named AS (SELECT *, CASE owner WHEN '" SERVER_OWNER "' THEN '' ELSE ' of plugin ' || owner END AS whose,"
        " to_char(found, 'FM0000') AS found_text, to_char(wanted, 'FM0000') AS wanted_text FROM latest)"
        " SELECT coalesce("
        "(SELECT 'database has migration ' || found_text || whose || ' unknown to this server: it was made by a newer"
        " version' FROM named WHERE found > wanted ORDER BY owner LIMIT 1),"
        "(SELECT 'migration ' || to_char(number, 'FM0000') || whose || ' was changed after it was applied: put the file"
        " back as it was, and write a new migration' FROM expected JOIN named USING (owner)"
        " JOIN schema_migration a USING (owner, number) WHERE a.checksum <> expected.checksum"
        " ORDER BY owner, number LIMIT 1),"
        "(SELECT 'database schema' || whose || ' is at ' || found_text || ', this server needs ' || wanted_text ||"
        " ': run \"talelio migrate\"' FROM named WHERE found < wanted ORDER BY owner LIMIT 1),"
        "(SELECT 'database schema' || whose || ' lacks migration ' || to_char(number, 'FM0000') || ': it was removed"
        " from schema_migration' FROM expected JOIN named USING (owner) WHERE NOT EXISTS (SELECT FROM schema_migration "
        "a"
        " WHERE a.owner = expected.owner AND a.number = expected.number) ORDER BY owner, number LIMIT 1),"
        "'') AS answer$check$, false, true, '')::text from '<answer>(.*)</answer>'),"
        " 'the schema of the database cannot be checked') END",
        values_of(list));
}
