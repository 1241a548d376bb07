"""Texts of a script without blanks are found to their end: a pair of characters that stands in a text
again and again counts once against the megabyte that a tsvector holds."""

from importlib import import_module

from django.db import migrations

_SCRIPTS = import_module("notes.migrations.0009_search")._SCRIPTS

# A tsvector keeps 255 places of a lexeme, and no place after 16383.
_LEXEMES = f"""
CREATE OR REPLACE FUNCTION notes_lexemes(written text, weight text, owner uuid) RETURNS tsvector
LANGUAGE plpgsql STABLE AS $$
DECLARE
    folded text := notes_fold(written);
    mark text := right(owner::text, 6);
    found text;
    pairs text := '';
BEGIN
    IF folded ~ '[{_SCRIPTS}]' THEN
        SELECT string_agg(format('''%s%s'':%s', mark, pair, places), ' ')
        INTO pairs
        FROM (
            SELECT pair, array_to_string(
                (array_agg(place ORDER BY place))[:255], weight || ','
            ) || weight AS places
            FROM (
                SELECT sign, least(place, 16383) AS place,
                    rtrim(sign || lead(sign) OVER (ORDER BY place)) AS pair
                FROM unnest(string_to_array(
                    regexp_replace(folded, '[^{_SCRIPTS}]+', ' ', 'g'), NULL
                )) WITH ORDINALITY AS signs (sign, place)
            ) AS neighbours
            WHERE sign <> ' '
            GROUP BY pair
        ) AS grouped;
        folded := regexp_replace(folded, '[{_SCRIPTS}]+', ' ', 'g');
    END IF;
    -- 2046 bytes are the most that a lexeme may have.
    SELECT string_agg(
        '''' || mark || lexeme || ''':' || array_to_string(positions, weight || ',') || weight, ' '
    )
    INTO found
    FROM unnest(to_tsvector(notes_search_language(), folded))
    WHERE octet_length(lexeme) <= 2000;
    RETURN concat(found, ' ', pairs)::tsvector;
END
$$;

-- A pair took 12 bytes at least, so that of shorter texts nothing was left out.
UPDATE note_search SET search = notes_search_vector(
    user_id, title, notes_plain_text(content, content_format)
) FROM notes WHERE id = note_id AND octet_length(content) > 250000;
"""  # noqa: S608 - constants


class Migration(migrations.Migration):
    dependencies = [("notes", "0014_notes_of_all")]

    operations = [migrations.RunSQL(_LEXEMES, migrations.RunSQL.noop)]
