"""Tables, verdicts, figures and pages: functions of records and published numbers only."""
