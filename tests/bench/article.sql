SELECT a.id, a.created_at, a.updated_at, a.title, a.slug, a.body, a.html, a.table_of_contents, a.meta_description,
       a.featured_image, a.renderer, u.id AS user_id, u.username, u.location, u.avatar_url,
       next.title AS next_title, next.slug AS next_slug, prev.title AS prev_title, prev.slug AS prev_slug
FROM articles a
JOIN users u ON u.id = a.user_id
LEFT JOIN LATERAL (SELECT n.title, n.slug FROM articles n
                   WHERE n.user_id = a.user_id AND (n.created_at, n.id) > (a.created_at, a.id)
                   ORDER BY n.created_at, n.id LIMIT 1) next ON true
LEFT JOIN LATERAL (SELECT p.title, p.slug FROM articles p
                   WHERE p.user_id = a.user_id AND (p.created_at, p.id) < (a.created_at, a.id)
                   ORDER BY p.created_at DESC, p.id DESC LIMIT 1) prev ON true
WHERE a.slug = 'article-' || :n;
