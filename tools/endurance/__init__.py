"""What `make load` measures, one file per subject; the table, the routers and the server come from `measure`.

ground      keys and addresses for many clients, and what the audit trail must say about what the routers saw
probe       a normal client in a process of its own: how long it waits while others misbehave
rates       requests a second
streams     ten thousand listeners, and a thousand that leave
crowds      many before one router, with and without patience; one target through many routers
slow        clients that send or read slowly
refusals    how long it takes to say no
abuse       what is refused there
hostile     what a router's absurd output costs
kills       killed two hundred times
"""
