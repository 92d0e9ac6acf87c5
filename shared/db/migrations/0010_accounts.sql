-- Accounts, and the sessions that their refresh tokens keep open.

create table account (
    id            text primary key,
    email         text not null unique,              -- in one spelling: shared/identity/rules.py
    name          text not null,
    password_hash text not null,
    role          text not null check (role in ('USER', 'CREATOR', 'ENTERPRISE', 'ADMIN')),
    created_at    timestamptz not null default now()
);

-- One login on one device: the family of refresh tokens that came from it, each replacing the one before.
create table session (
    id         text primary key,
    account_id text not null references account (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,                 -- of its newest refresh token
    revoked_at timestamptz
);
create index session_account on session (account_id, expires_at);

create table refresh_token (
    hash       bytea primary key,                    -- SHA-256; the token itself is not stored
    session_id text not null references session (id) on delete cascade,
    expires_at timestamptz not null,
    used_at    timestamptz                           -- when it was exchanged for the next one
);
create index refresh_token_session on refresh_token (session_id);
