"""The sentences that other rooms write in English into plans, receipts and findings, as patterns to translate."""

from __future__ import annotations

from typing import Final


def N_(message: str) -> str:  # noqa: N802 - gettext's name for a message that is translated elsewhere
    """Mark a message for the catalogue."""
    return message


def NN_(one: str, several: str) -> tuple[str, str]:  # noqa: N802 - as `N_`, of a message that counts ({n})
    """Mark a message and its plural for the catalogue."""
    return one, several


SENTENCES: Final[tuple[str | tuple[str, str], ...]] = (
    NN_("it is suddenly empty; it held {n} record", "it is suddenly empty; it held {n} records"),
    N_("Find out why before anything is deleted; if it may be, say `empty = true` in {where}"),
    NN_("{n} record is due, the limit is {limit}", "{n} records are due, the limit is {limit}"),
    N_("Look, then raise the limit"),
    NN_("{n} record of {found} is due, the limit is {limit}", "{n} of {found} records are due, the limit is {limit}"),
    N_("Look, then raise the share"),
    NN_(
        "it holds {n} record, usually {usual}; the limit of deviation is {limit}",
        "it holds {n} records, usually {usual}; the limit of deviation is {limit}",
    ),
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
    NN_(
        "{n} of its records names somebody by what is no address: correct or empty those cells, then plan again",
        "{n} of its records name somebody by what is no address: correct or empty those cells, then plan again",
    ),
    N_("{dataset}: the materialised view {place} keeps what was there until it is refreshed: refresh it after the run"),
    N_("{dataset}: the full-text table {place} keeps what was there unless triggers follow: rebuild it after the run"),
    N_("{dataset}: triggers write from it into {place}, which is not in the data map: map it, or empty it by hand"),
    N_(
        "{dataset}: deleting its rows fires triggers of {table} ({triggers}) that write into {place}: let them "
        "leave out what was there, or switch them off for our role"
    ),
    N_(
        "{dataset}: triggers on UPDATE ({triggers}) could write any column of its rows: of a row that is overwritten, "
        "verification can compare the key alone"
    ),
    N_(
        "{dataset}: rules or triggers on UPDATE could write any column of its rows: of a row that is overwritten, "
        "verification can compare the key alone"
    ),
    N_("Do without them, or compare such rows with a backup by hand"),
    N_("{dataset}: {place} looks like a history of it and is not in the data map: map it, or empty it by hand"),
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
    NN_(
        "rows of {dataset} that are gone left open or unknown when `{event}` was, of {n} person: what depends on it "
        "elsewhere stays undetermined",
        "rows of {dataset} that are gone left open or unknown when `{event}` was, of {n} persons: what depends on it "
        "elsewhere stays undetermined",
    ),
    NN_(
        "{store} has no archive: {n} field that law and claims alone keep stays in place; give it one ({where})",
        "{store} has no archive: {n} fields that law and claims alone keep stay in place; give it one ({where})",
    ),
    NN_(
        "{store} has no archive: {n} field that law and claims alone keep stays in place; messages and events are "
        "counted only",
        "{store} has no archive: {n} fields that law and claims alone keep stay in place; messages and events are "
        "counted only",
    ),
    N_(
        "{dataset} keeps only the latest `{event}`: where it is later than {day}, what came before is not "
        "known, and the record is left alone"
    ),
    N_("`anonymity` would make {columns} coarser, on which purpose {purpose} depends in {dataset} for longer"),
    N_(
        "`anonymity` would make {columns} coarser, on which purpose {purpose} depends in rows of {dataset} that can be "
        "held back"
    ),
    N_("Have them by `value` in every level, or let the purpose keep something of both"),
    N_("Have them by `value` in every level, or give the rows that depend on them `anonymity` with a `link`"),
    N_(
        "{dataset}: anonymised rows keep what counts for k in every cell ({columns}): name it in `anonymity`: in the "
        "partition or the measures, or as `free` of any meaning for a person"
    ),
    N_(
        "{dataset}: anonymised rows keep what counts for k in every cell ({columns}), since it is of the key, or "
        "chooses the rows, and gets no coarser: name in `anonymity` as `free` what tells nothing of a person, such as "
        "a number that was drawn"
    ),
    NN_(
        "{dataset}: {n} record was due and held back by the last run, since too few agree with it in any cell; it "
        "waits for more, or for a coarser level in `anonymity.partition`",
        "{dataset}: {n} records were due and held back by the last run, since too few of them agree in any cell; they "
        "wait for more, or for a coarser level in `anonymity.partition`",
    ),
    NN_(
        "{dataset}: {n} row will lead to an anonymised record of {place}",
        "{dataset}: {n} rows will lead to anonymised records of {place}",
    ),
    N_("{dataset}: 1 row will lead to an anonymised record of {place}, with personal fields that are kept for longer"),
    N_(
        "{dataset}: {rows} rows will lead to anonymised records of {place}, {named} of them with personal fields that "
        "are kept for longer"
    ),
    N_("Let what keeps them end with the record, or know that the record is theirs until then"),
    N_("Turn those that hold nothing personal: `anonymity` with `link: {columns}` in the data map"),
    N_("Map it, with `anonymity` and its `link`"),
    NN_(
        "{dataset}: {n} row holds nothing personal and leads to an anonymised record of {place}: it is turned to "
        "another, and made coarser in {columns}",
        "{dataset}: {n} rows hold nothing personal and lead to anonymised records of {place}: they are turned to "
        "others, and made coarser in {columns}",
    ),
    N_("the archive of {dataset} holds {columns}, unknown to the approved data map: nothing of it leaves"),
    N_("the archive of {dataset} holds records, unknown to the approved data map: nothing of it leaves"),
    N_("this plan is a portion, the oldest of what is due: since {day} or before"),
    N_("Records due in all: {due}; since later days: {later}; {reason}"),
    NN_("at least {n} portion is needed", "at least {n} portions are needed"),
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
    N_("no copy in the store holds what was acted on"),
    N_("rows of {place} with former values of anonymised records"),
    N_("rows of {place} with values of records that are gone"),
    N_("rows of {place} of which nothing tells whose they are"),
    N_("rows of {place} that its definition does not give any more"),
    N_("rows of {place}, which the reading role may not look at"),
    N_("Refresh {place}, or let our role do it; then verify again"),
    N_("DELETE HISTORY FROM {place}, then verify again"),
    N_("Rebuild {place}, then verify again"),
    N_("{place} inherits from {dataset} in the data map and kept what is gone there: give it the same purposes"),
    N_("Its own rules keep it, or leave it undetermined: look at them, or let {place} inherit from {dataset}"),
    N_("Map {place}, or empty it by hand"),
    N_("Run `ardoise apply` again; if it stays, look into the ledger for what was refused"),
    N_("Something else wrote to the store since the run began, or this is a defect: compare with the server's log"),
    N_(
        "Something else wrote to the store since the run began, or this is a defect: compare with the application's log"
    ),
    N_("Verify right after a run, as the DAG does, before others write"),
    N_("The data map is another than when the run began"),
    N_("Put it back for as long as this plan is verified"),
    N_("Something else wrote to the archive meanwhile, or this is a defect: compare with the server's log"),
    N_("Start the store and verify again"),
    N_("Start it, or correct its address, and run again"),
    N_(
        "Compare with the application's log what it wrote to the store since the run began; verify right after a run, "
        "as the DAG does, before others write"
    ),
    N_("Publish nothing before it is explained"),
    N_(
        "Nothing says what it was before the run: restore the estate's state folder, or compare with a backup of the "
        "store"
    ),
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
    N_("it is no ordinary table"),
    N_("it has no partitions"),
    N_("it is a partition, or inherits, or others inherit from it"),
    N_("foreign keys point at it"),
    N_("foreign keys point at it ({names})"),
    N_("it has triggers"),
    N_("it has triggers ({names})"),
    N_("triggers watch over deletion ({names})"),
    N_("it has rules"),
    N_("it has rules ({names})"),
    N_("policies decide on who sees which row"),
    N_("views, functions or others depend on it"),
    N_("views, functions or others depend on it ({names})"),
    N_("triggers, views or virtual tables speak of it ({names})"),
    N_("it is published"),
    N_("it is published ({names})"),
    N_("changes of the database are decoded for others, or the table is fed by a subscription"),
    N_("the role does not own it"),
    N_("the role {role} does not own it"),
    N_("the role may not create tables beside it"),
    N_("the role {role} may not create tables beside it"),
    N_("the role may not reference other tables"),
    N_("the role {role} may not reference {names}"),
    N_("others than its owner have granted rights on it"),
    N_("a constraint of it is not validated, or an index not valid"),
    N_("it or an index of it lies in a tablespace of its own"),
    N_("it belongs to an extension, or carries a security label"),
    N_("event triggers watch over definitions"),
    N_("event triggers watch over definitions ({names})"),
    N_("it takes more room than its store allows"),
    N_("with its indexes it takes more than the {size} that `most` of its store's `rewrite` allows"),
    N_("its file takes more than the {size} MB that `most` of its store's `rewrite` allows"),
    N_("the role does not exist"),
    N_("there is no role {role}"),
    N_("the role may not empty partitions"),
    N_("the role {role} may not empty partitions (GRANT TRUNCATE)"),
    N_("a lock on it was not granted in time"),
    N_("a statement took longer than one may"),
    N_("the disk is full"),
    N_("the disk has no room for the file twice more"),
    N_("the server chose this transaction to give way"),
    N_("the new table would differ from the old one"),
    N_("the new table would differ in its {subjects}"),
    N_("its columns are not those that it had when the run began"),
    N_("its engine commits every change of a definition at once: a killed run could not be taken back"),
    N_("its engine commits a change of partitions apart from everything else"),
    N_("a row of a partition is not due any more"),
    N_("a row of {partition} is not due any more"),
    N_("the store refused a statement ({name})"),
    N_("the store has no write address"),
    N_("its keys are renewed, and what points at them has to follow"),
    N_("no partition is due as a whole"),
    N_("less than a quarter of its rows are due"),
    N_("it has fewer than {rows} rows"),
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
    N_("every store of the data map can be reached"),
    N_("stores that cannot be reached"),
    N_("nothing has drifted since it was last looked at"),
    N_("the table is as its data map says"),
    N_("every row has a key of its own"),
    N_("every row that is referenced is there"),
    N_("the dates of events are plausible"),
    N_("the classifier finds nothing in what was emptied, coarsened or redacted"),
    N_("what was replaced is what a pool can give"),
    N_("sampled values of {field} that no pool can give"),
    N_("sampled values of {field} that tell something"),
    N_("Look at {field}: its technique leaves too much, or something wrote to it"),
    N_("rows"),
    N_("rows without a date for `{event}`"),
    N_("rows with an implausible date for `{event}` ({column})"),
    N_("registered statistics can be kept"),
    N_("rows whose group in the statistic {statistic} is binary or has over {most} characters"),
    N_("rows whose {column} the statistic {statistic} cannot sum exactly"),
    N_("rows whose {column} is no date by which the statistic {statistic} can group"),
    N_("Shorten those values, or group by something shorter, such as a code, under a new name"),
    N_("Correct those amounts, or sum a column of whole numbers or decimals under a new name"),
    N_("Write dates like 2024-02-29 there, or group by the value under a new name"),
    N_("rows without a key ({columns})"),
    N_("rows whose key ({columns}) another has"),
    N_("Bring it back, or correct the data map and have it approved; then make a new plan"),
    N_("Find out what writes rows without a key; without one no record can be told from another"),
    N_("Remove the duplicates, or name in the data map what tells these rows apart"),
    N_("Restore the referenced rows or remove these; what hangs on nothing is nobody's and is never due"),
    N_("Look at the column: a changed format, zeros or dates to come keep their records undetermined"),
    N_("Mend it, or raise `implausible` under [expectations]"),
    N_("Find out why: what fills or empties the column decides when records are due"),
    N_("If it is right, raise `nulls` under [expectations] for this run"),
    N_("Look at the rows; the suite was written by somebody who knows what they should be"),
    N_("The store's engine refused what the suite asks of it: try the condition, pattern or query there, and mend it"),
    N_("every group of anonymised records has at least k subjects"),
    N_("cells that hide fewer than {k} subjects"),
    N_(
        "Something wrote to anonymised records, or they were anonymised before `anonymity` was declared as it is, with "
        "a smaller `k` perhaps"
    ),
    N_(
        "No run makes groups larger that stand: look at them, and delete those that tell of somebody; if `k` was "
        "raised since, put it back to {k}, which all of them reach"
    ),
    N_("No run makes groups larger that stand: look at them, and delete those that tell of somebody"),
    N_("records of nobody lead to nobody of their own"),
    N_("rows that still lead to one"),
    N_(
        "A run turns them once it acts in this store: look what has kept the last one from it (a constraint that "
        "refuses a value, a lock), mend that, and plan again"
    ),
    N_("Find out what has changed the table since the plan was made; then make a new plan"),
    N_("offenders of {columns} ({kind})"),
    N_("offenders ({kind})"),
    N_("queries that find offenders ({kind})"),
    N_("{table} is system-versioned: it keeps every row as it was"),
    N_("ALTER TABLE {table} DROP SYSTEM VERSIONING, then plan again"),
    N_("columns missing"),
    N_("columns whose type cannot hold the days or numbers that it must"),
)
