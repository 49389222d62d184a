"""The sentences that other rooms write in English into plans, receipts and findings, as patterns to translate."""

from __future__ import annotations

from typing import Final


def N_(message: str) -> str:  # noqa: N802 - gettext's name for a message that is translated elsewhere
    """Mark a message for the catalogue."""
    return message


SENTENCES: Final = (
    N_("it is suddenly empty; it held {records} records"),
    N_("Find out why before anything is deleted; if it may be, say `empty = true` in {where}"),
    N_("{acted} records are due, the limit is {limit}"),
    N_("Look, then raise the limit"),
    N_("{acted} of {found} records are due, the limit is {limit}"),
    N_("Look, then raise the share"),
    N_("it holds {found} records, usually {usual}; the limit of deviation is {limit}"),
    N_("Find out why, then plan again or raise the limit"),
    N_("the as-of date {day} lies in the future"),
    N_("Plan again for today or a past date to act"),
    N_("hold {hold} was opened by a version that spelled addresses otherwise: it may not find its person"),
    N_("Open it anew for the same person (`ardoise hold open`), release the old one, then plan again"),
    N_("the store cannot be reached: nothing of it could be planned"),
    N_("Bring it back, then plan again"),
    N_("it was never scanned"),
    N_("its last scan is incomplete: {reason}"),
    N_("Run `ardoise scan` until it is complete, then plan again"),
    N_("the scan has not ended"),
    N_("the scan ended early"),
    N_("the store went down"),
    N_("the mapping is not approved"),
    N_("the store cannot be reached"),
    N_("the last scan is incomplete"),
    N_("its mapping has changed since it was scanned"),
    N_("its rows that are gone told it by a kind of key that nobody uses for it any more"),
    N_("{unread} of its records hold no single address where one belongs: at most {most} are read one by one"),
    N_("{unread} of its records name somebody by what is no address: correct or empty those cells, then plan again"),
    N_("the mapping of {dataset} has changed since it was approved: it does not act"),
    N_("the mapping of {dataset} is not in the ledger as approved: it does not act"),
    N_("Look at data_map/{store}.yaml, then `ardoise review {command}`"),
    N_("`{purpose}` keeps {categories}, which no dataset holds"),
    N_("Narrow its `keeps`, or complete the data map"),
    N_("the proof of consent may lapse before `{purpose}`, which relies on it"),
    N_("Let a purpose keep `{category}` after the latest of the same events, for at least as long"),
    N_(
        "purpose {purpose} depends on `{event}` of {dataset}, and does not keep what tells it "
        "({categories}): once that has gone, {datasets} is decided on as if it had never happened"
    ),
    N_("Let the purpose, or one that lasts as long, keep it too"),
    N_("{dataset} could not tell `{event}` ({reason}): what depends on it is undetermined"),
    N_(
        "hold {hold} keeps a record of {dataset} that the last scan did not see: it may be anywhere now, so "
        "everything in that store is held; hold it anew where it is, or release"
    ),
    N_(
        "rows of {dataset} that are gone left open or unknown when `{event}` was, of {count} persons: what "
        "depends on it elsewhere stays undetermined"
    ),
    N_("{store} has no archive: {count} fields that law and claims alone keep stay in place; give it one ({where})"),
    N_(
        "{store} has no archive: {count} fields that law and claims alone keep stay in place; messages and "
        "events are counted only"
    ),
    N_(
        "{dataset} keeps only the latest `{event}`: where it is later than {day}, what came before is not "
        "known, and the record is left alone"
    ),
    N_("the archive of {dataset} holds {columns}, unknown to the approved data map: nothing of it leaves"),
    N_("the archive of {dataset} holds records, unknown to the approved data map: nothing of it leaves"),
    N_("this plan is a portion, the oldest of what is due: since {day} or before"),
    N_("{due} records are due in all, {later} of them since later days; at least {needed} portions are needed"),
    N_("Carry it out, then plan the next one"),
    N_("{dataset}: {several}, and stays in records whose other fields are anonymised"),
    N_("{dataset}: {several}; until somebody has decided, no row of it goes as a whole; due fields are emptied"),
    N_(
        "{dataset}: {several}; until somebody has decided, no row of it goes as a whole under {purposes}; "
        "due fields are emptied"
    ),
    N_(
        "{dataset}: {several}; until somebody has decided, no row of it goes as a whole or moves to the "
        "archive; due fields are emptied"
    ),
    N_(
        "{dataset}: {several}; until somebody has decided, no row of it goes as a whole under {purposes} or "
        "moves to the archive; due fields are emptied"
    ),
    N_("Decide about it: `ardoise scan {store}`, then `ardoise review {again}`"),
    N_("Decide about it: `ardoise review {store}`"),
    N_("`{field}` ({category}) holds personal data and is not in the data map"),
    N_("`{field}` holds personal data and is not in the data map"),
    N_("`{field}` is new, and no scan has looked at it"),
    N_("`{field}` ({category}) has come to hold other personal data since it was approved"),
    N_("`{field}` has come to hold other personal data since it was approved"),
    N_("what was due is gone"),
    N_("what was not due is untouched"),
    N_("registered statistics are what they were"),
    N_("the ledger is whole"),
    N_("every intent has its receipt"),
    N_("every step is complete"),
    N_("canaries are found nowhere"),
    N_("every column with personal data is in the data map"),
    N_("no row references one that is gone"),
    N_("anonymised fields hold only what their technique gives"),
    N_("what moved is in the archive"),
    N_("what was not due in the archive is untouched"),
    N_("the archive holds nothing that law, claims or holds do not keep"),
    N_("records still due"),
    N_("items that went or changed without being due"),
    N_("items more than there may be"),
    N_("groups of `{statistic}` that differ"),
    N_("entries changed, removed or moved"),
    N_("intents without a receipt"),
    N_("steps without any receipt"),
    N_("rows with a canary"),
    N_("files with a canary"),
    N_("files with a canary in folder {number}"),
    N_("rows or columns that changed without being due"),
    N_("tables that differ"),
    N_("columns that nobody has decided about"),
    N_("rows whose {columns} is nowhere in {table}"),
    N_("rows whose {column} holds something else"),
    N_("records of {step}"),
    N_("arrivals that changed without being due"),
    N_("arrivals that changed"),
    N_("columns that may never be there"),
    N_("Run `ardoise apply` again; if it stays, look into the ledger for what was refused"),
    N_("Something else wrote to the store meanwhile, or this is a defect: compare with the server's log"),
    N_("Something else wrote to the store meanwhile, or this is a defect: compare with the application's log"),
    N_("Something else wrote to the archive meanwhile, or this is a defect: compare with the server's log"),
    N_("Start the store and verify again"),
    N_("Start it, or correct its address, and run again"),
    N_("Compare live rows and ledger in the report; publish nothing before it is explained"),
    N_("Run `ardoise ledger verify` and restore a whole copy"),
    N_("Run `ardoise apply` again; it resumes what was interrupted"),
    N_("Look there for what the data map does not name, map it, and run again"),
    N_("The run measured nothing before it began"),
    N_("Look at {field}: something wrote to it since, or its technique is not the data map's"),
    N_("Restore the referenced rows or remove these; then find what deletes past the foreign key"),
    N_("Drop these columns from the archive's table; find out how they came to be there"),
    N_("personal"),
    N_("not personal"),
    N_("for review"),
    N_("changed"),
    N_("gone"),
    N_("whole partitions at once"),
    N_("by writing the table anew"),
    N_("in ranges of rows"),
    N_("kept until the store's own schedule removes it"),
    N_("how long it is kept is not declared: {key} in {where}"),
    N_("kept until a person removes it: the store did not let Ardoise do it"),
    N_("dead rows of {table}"),
    N_("free space of {table}"),
    N_("planner statistics of {table}"),
    N_("history and backups of the server"),
    N_("copies and backups of the file"),
    N_("caches of the server"),
    N_("backups of the server"),
    N_("history of the server"),
    N_("write ahead log replicas and backups"),
    N_("write ahead log"),
    N_("binary log"),
    N_("undo log"),
    N_("replicas"),
    N_("backups"),
)
