CREATE TABLE companies (
    id bigint PRIMARY KEY,
    tenant text NOT NULL CHECK (tenant IN ('julien', 'other')),
    name text NOT NULL,
    vat text UNIQUE,
    city text NOT NULL
);

CREATE TABLE contacts (
    id bigint PRIMARY KEY,
    tenant text NOT NULL CHECK (tenant IN ('julien', 'other')),
    company_id bigint REFERENCES companies (id),
    email text NOT NULL CHECK (email LIKE '%_@_%' AND length(email) <= 254),
    first_name text NOT NULL,
    last_name text NOT NULL,
    phone text CHECK (phone LIKE '+%'),
    job_title text,
    birth_date date CHECK (birth_date >= DATE '1900-01-01'),
    street text,
    postcode text,
    city text,
    region text NOT NULL,
    segment text CHECK (segment IN ('retail', 'trade', 'public')),
    locale text CHECK (locale IN ('fr', 'en')),
    created_at timestamptz NOT NULL,
    last_ip inet,
    last_ip_at timestamptz,
    CHECK ((last_ip IS NULL) OR (last_ip_at IS NOT NULL)),
    UNIQUE (tenant, email)
);
CREATE INDEX contacts_company ON contacts (company_id);

CREATE TABLE prospects (
    id bigint PRIMARY KEY,
    tenant text NOT NULL,
    contact_id bigint NOT NULL REFERENCES contacts (id),
    source text NOT NULL CHECK (source IN ('form', 'fair', 'bought list', 'referral')),
    collected_at timestamptz,
    score integer CHECK (score BETWEEN 0 AND 100)
);
CREATE INDEX prospects_contact ON prospects (contact_id);

CREATE TABLE memberships (
    id bigint PRIMARY KEY,
    tenant text NOT NULL,
    contact_id bigint NOT NULL REFERENCES contacts (id),
    ended boolean NOT NULL,
    service_end date,
    last_intervention timestamptz
);
CREATE INDEX memberships_contact ON memberships (contact_id);

CREATE TABLE interactions (
    id bigint PRIMARY KEY,
    tenant text NOT NULL,
    contact_id bigint NOT NULL REFERENCES contacts (id),
    kind text NOT NULL CHECK (kind IN ('call in', 'form', 'visit', 'call out', 'mailing', 'opened')),
    occurred_at timestamptz NOT NULL,
    channel text NOT NULL,
    summary text
);
CREATE INDEX interactions_contact ON interactions (contact_id);

CREATE TABLE notes (
    id bigint PRIMARY KEY,
    tenant text NOT NULL,
    contact_id bigint NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    author text NOT NULL,
    body text,
    created_at timestamptz NOT NULL
);
CREATE INDEX notes_contact ON notes (contact_id);

CREATE TABLE consents (
    id bigint PRIMARY KEY,
    tenant text NOT NULL,
    contact_id bigint NOT NULL REFERENCES contacts (id),
    purpose text NOT NULL CHECK (purpose IN ('newsletter', 'profiling')),
    proof text,
    given_at timestamptz NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= given_at)
);
CREATE INDEX consents_contact ON consents (contact_id);

CREATE TABLE web_logs (
    id bigint PRIMARY KEY,
    tenant text NOT NULL,
    contact_id bigint REFERENCES contacts (id) ON DELETE SET NULL,
    ip inet,
    user_agent text,
    url text,
    referrer text,
    at timestamptz NOT NULL
);
CREATE INDEX web_logs_contact ON web_logs (contact_id);
CREATE INDEX web_logs_at ON web_logs (at);
