SELECT a.id, a.created_at, a.updated_at, a.title, a.slug, a.body, a.html, a.table_of_contents, a.meta_description,
       a.featured_image, a.renderer, u.id AS user_id, u.username, u.location, u.avatar_url
FROM articles a
JOIN users u ON u.id = a.user_id
WHERE a.slug = 'article-' || :n;
