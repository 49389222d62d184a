"""The use cases, a room each: scan, classify, plan, apply, anonymise, verify, report; the command line on top."""
