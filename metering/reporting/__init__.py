"""`POST /v2/reporting`: what was used, by time and by whom. Source: contract 10.1.

`catalogue` names what can be asked, `question` is what `metering.report_input` reads
from a body, `sql` writes its one statement, `answers` runs it within bounds and
renders it.
"""
