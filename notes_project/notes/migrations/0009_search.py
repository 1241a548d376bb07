"""What the search reads, kept by triggers in the transaction of the write, so that it is right for what
is written by hand too.

`note_search` is a table of its own: a change of anything but the text then leaves the large index alone,
and the lists read narrow rows.
"""

import django.db.models.deletion
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models

# As in notes/folding.py at the time of this migration.
_MARKS = (
    r"\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"
    r"\u06ea-\u06ed\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\U0001f3fb-\U0001f3ff"
    r"\U000e0000-\U000e0fff"
)
_SCRIPTS = (
    r"\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2190-\u2bff"
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u303c\u3041-\u309f\u30a1-\u30fa"
    r"\u30fc-\u9fff\ua000-\ua4cf\ua960-\ua97f\uaa60-\uaadf\uac00-\ud7ff\ue000-\ufaff"
    r"\U00010000-\U0010ffff"
)
_SEPARATORS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9"
    r"\u00bb-\u00bf\u00d7\u00f7\u02b9-\u02df\u0375\u037e\u0384\u0385\u0387\u055a-\u055f"
    r"\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u0600-\u060f\u061b\u061d-\u061f"
    r"\u066a-\u066d\u06d4\u0700-\u070d\u0964\u0965\u0970\u10fb\u1360-\u1368\u1400\u166d"
    r"\u166e\u1680\u1735\u1736\u1800-\u180a\u2000-\u200a\u2010-\u2029\u202f-\u205f"
    r"\u2070-\u209f\u20a0-\u20cf\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u3040"
    r"\u30a0\u30fb\ufd3e-\ufd4f\ufdcf\ufdfc-\ufdff\ufe10-\ufe1f\ufe30-\ufe6f\uff00-\uff0f"
    r"\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffff"
)

# The letters are those of notes/folding.py.
_FOLD = f"""
CREATE FUNCTION notes_fold(written text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text := written;
BEGIN
    IF octet_length(folded) > length(folded) THEN
        folded := regexp_replace(normalize(folded, NFKD), '[{_MARKS}]', '', 'g');
        folded := translate(lower(normalize(folded, NFC)), 'ςıøłđħŧð', '\u03c3ioldhtd');
        folded := replace(replace(folded, 'ß', 'ss'), 'þ', 'th');
        folded := replace(replace(folded, 'æ', 'ae'), 'œ', 'oe');
    ELSE
        folded := lower(folded);
    END IF;
    RETURN ' ' || btrim(regexp_replace(folded, '[{_SEPARATORS}]+', ' ', 'g'), ' ') || ' ';
END
$$;
"""

# Every lexeme begins with a part of the owner's id, so that one user's words are in the index beside
# each other and those of others are never read. It need not be unique: the owner is compared too.
_INDEX = f"""
CREATE FUNCTION notes_search_language() RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 'pg_catalog.simple'::regconfig $$;

CREATE FUNCTION notes_lexemes(written text, weight text, owner uuid) RETURNS tsvector
LANGUAGE plpgsql STABLE AS $$
DECLARE
    folded text := notes_fold(written);
    mark text := right(owner::text, 6);
    found text;
    pairs text := '';
BEGIN
    IF folded ~ '[{_SCRIPTS}]' THEN
        SELECT string_agg(format('''%s%s'':%s%s', mark, rtrim(sign || next), place, weight), ' ')
        INTO pairs
        FROM (
            SELECT sign, place, lead(sign) OVER (ORDER BY place) AS next
            FROM unnest(string_to_array(
                regexp_replace(folded, '[^{_SCRIPTS}]+', ' ', 'g'), NULL
            )) WITH ORDINALITY AS signs (sign, place)
        ) AS neighbours
        WHERE sign <> ' ';
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

CREATE FUNCTION notes_search_vector(owner uuid, title text, body text) RETURNS tsvector
LANGUAGE plpgsql STABLE AS $$
DECLARE
    indexed text := coalesce(body, '');
BEGIN
    LOOP
        BEGIN
            RETURN notes_lexemes(title, 'A', owner) || notes_lexemes(indexed, 'B', owner);
        EXCEPTION WHEN program_limit_exceeded THEN
            -- A tsvector holds a megabyte. Of a text with more different words its beginning is found.
            indexed := left(indexed, length(indexed) / 2);
        END;
    END LOOP;
END
$$;

CREATE FUNCTION notes_index_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO note_search (note_id, search) VALUES (
        NEW.id,
        notes_search_vector(
            NEW.user_id, NEW.title, notes_plain_text(NEW.content, NEW.content_format)
        )
    )
    ON CONFLICT (note_id) DO UPDATE SET search = EXCLUDED.search;
    RETURN NULL;
END
$$;
CREATE TRIGGER notes_index_new_text AFTER INSERT ON notes
    FOR EACH ROW EXECUTE FUNCTION notes_index_text();
CREATE TRIGGER notes_index_changed_text AFTER UPDATE ON notes
    FOR EACH ROW
    WHEN ((OLD.user_id, OLD.title, OLD.content, OLD.content_format)
        IS DISTINCT FROM (NEW.user_id, NEW.title, NEW.content, NEW.content_format))
    EXECUTE FUNCTION notes_index_text();

INSERT INTO note_search (note_id, search)
SELECT id, notes_search_vector(user_id, title, notes_plain_text(content, content_format)) FROM notes;
"""  # noqa: S608 - constants
_DROP_INDEX = """
DROP TRIGGER notes_index_changed_text ON notes;
DROP TRIGGER notes_index_new_text ON notes;
DROP FUNCTION notes_index_text();
DROP FUNCTION notes_search_vector(uuid, text, text);
DROP FUNCTION notes_lexemes(text, text, uuid);
DROP FUNCTION notes_search_language();
"""

# `notes_hits` has no other way than the index, whatever the statistics say of a word.
_ASK = """
CREATE FUNCTION notes_query(owner uuid, words text, pairs text) RETURNS tsquery
LANGUAGE sql STABLE AS $$
    SELECT regexp_replace(
        (to_tsquery(notes_search_language(), words) && pairs::tsquery)::text,
        '''([^'']+)''', '''' || right(owner::text, 6) || '\\1''', 'g'
    )::tsquery
$$;

CREATE FUNCTION notes_hits(wanted tsquery, at_most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE ROWS 100
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off AS $$
BEGIN
    RETURN QUERY SELECT note_id FROM note_search WHERE search @@ wanted LIMIT at_most;
END
$$;
"""
_DROP_ASK = """
DROP FUNCTION notes_hits(tsquery, integer);
DROP FUNCTION notes_query(uuid, text, text);
"""

_TABLE = """
CREATE TABLE note_search (
    note_id uuid PRIMARY KEY REFERENCES notes (id) ON DELETE CASCADE,
    search tsvector NOT NULL
);
CREATE INDEX note_search_lexemes ON note_search USING gin (search)
    WITH (gin_pending_list_limit = 512);
"""


class Migration(migrations.Migration):
    dependencies = [("notes", "0008_overdue")]

    operations = [
        migrations.RunSQL(
            _TABLE,
            "DROP TABLE note_search",
            state_operations=[
                migrations.CreateModel(
                    "NoteSearch",
                    [
                        (
                            "note",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                primary_key=True,
                                related_name="indexed",
                                serialize=False,
                                to="notes.note",
                            ),
                        ),
                        ("search", SearchVectorField()),
                    ],
                    options={"db_table": "note_search"},
                )
            ],
        ),
        migrations.RunSQL(_FOLD, "DROP FUNCTION notes_fold(text)"),
        migrations.RunSQL(_INDEX, _DROP_INDEX),
        migrations.RunSQL(_ASK, _DROP_ASK),
    ]
