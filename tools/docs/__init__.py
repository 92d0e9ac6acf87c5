"""What builds docs/ into a site with MkDocs (mkdocs.yml): a hook for links, and the theme's one override."""
