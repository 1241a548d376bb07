// As little as Express can do for a list of notes: one statement, and the rows as they come.
// Environment: PORT, DATABASE_URL, JWT_PUBLIC_KEY (PEM), POOL (connections).
const express = require('express');
const jwt = require('jsonwebtoken');
const { Pool } = require('pg');

const LIST = `
  SELECT id, title, content, is_archived AS "isArchived", created_at AS "createdAt",
    updated_at AS "updatedAt", ARRAY(
      SELECT tags.name FROM note_tags JOIN tags ON tags.id = note_tags.tag_id
      WHERE note_tags.note_id = notes.id ORDER BY tags.name
    ) AS tags
  FROM notes WHERE user_id = $1 AND NOT is_archived
  ORDER BY updated_at DESC, id DESC LIMIT $2`;

const { PORT, DATABASE_URL, JWT_PUBLIC_KEY, POOL } = process.env;
const pool = new Pool({ connectionString: DATABASE_URL, max: Number(POOL) });
const app = express();

app.get('/notes', async (request, response) => {
  let user;
  try {
    const token = (request.headers.authorization || '').slice('Bearer '.length);
    user = jwt.verify(token, JWT_PUBLIC_KEY, { algorithms: ['RS256'] });
  } catch {
    return response.status(401).json({ error: 'unauthorized' });
  }
  const limit = Math.min(Number(request.query.page_size || 20), 100);
  const { rows } = await pool.query(LIST, [user.sub, limit]);
  const next = rows.length === limit ? rows[rows.length - 1].id : null;
  return response.json({ results: rows, next });
});

app.listen(Number(PORT), '127.0.0.1');
