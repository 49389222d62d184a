CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE CHECK (email LIKE '%_@_%'),
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    phone TEXT,
    company TEXT,
    street TEXT,
    postcode TEXT,
    city TEXT,
    region TEXT NOT NULL
);

CREATE TABLE contracts (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    number TEXT UNIQUE,
    signed_by TEXT,
    started_on DATE NOT NULL,
    ended_on DATE,
    status TEXT NOT NULL CHECK (status IN ('running', 'closed')),
    amount_euros INTEGER NOT NULL CHECK (amount_euros > 0),
    delivered_on DATE
);
CREATE INDEX contracts_customer ON contracts (customer_id);

CREATE TABLE invoices (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    contract_id INTEGER REFERENCES contracts (id),
    number TEXT UNIQUE,
    billed_to TEXT,
    billed_address TEXT,
    region TEXT NOT NULL,
    issued_on DATE NOT NULL,
    fiscal_year_end DATE NOT NULL CHECK (fiscal_year_end >= issued_on),
    settled_on DATE,
    status TEXT NOT NULL CHECK (status IN ('sent', 'settled')),
    total_cents INTEGER NOT NULL CHECK (total_cents >= 0),
    currency TEXT NOT NULL DEFAULT 'EUR'
);
CREATE INDEX invoices_customer ON invoices (customer_id);
CREATE INDEX invoices_contract ON invoices (contract_id);

CREATE TABLE invoice_lines (
    id INTEGER PRIMARY KEY,
    invoice_id INTEGER NOT NULL REFERENCES invoices (id),
    description TEXT,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    amount_cents INTEGER NOT NULL
);
CREATE INDEX invoice_lines_invoice ON invoice_lines (invoice_id);

CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    invoice_id INTEGER NOT NULL REFERENCES invoices (id),
    reference TEXT UNIQUE,
    cardholder TEXT,
    card_pan TEXT,
    card_expiry TEXT,
    card_cvv TEXT,
    amount_cents INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'settled')),
    debited_on DATE,
    settled_on DATE,
    deferred INTEGER NOT NULL CHECK (deferred IN (0, 1)),
    disputed_on DATE,
    agreed INTEGER NOT NULL CHECK (agreed IN (0, 1)),
    agreement_start DATE,
    agreement_end DATE
);
CREATE INDEX payments_invoice ON payments (invoice_id);

CREATE TABLE disputes (
    id INTEGER PRIMARY KEY,
    payment_id INTEGER NOT NULL REFERENCES payments (id),
    opened_on DATE NOT NULL,
    reason TEXT
);
CREATE INDEX disputes_payment ON disputes (payment_id);
