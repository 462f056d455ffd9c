"""What Prometheus is told. The only door to prometheus_client, imported only where metrics are served.

reading   what is looked at when somebody scrapes, as values
families  those values as gauges and counters
meter     what is counted and timed when it happens, and the page with all of it
"""
