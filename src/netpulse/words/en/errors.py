"""What can be wrong with a question or a visit: the cause, whose it is, and what to do next."""

WORDS = {
    "error.code.missing_parameter": "Something is left empty. Fill it in and run.",
    "error.code.missing_parameter.router": "Choose a router.",
    "error.code.missing_parameter.connection": "Choose a connection of this router.",
    "error.code.missing_parameter.target": "Enter an address, a host name or a prefix.",
    "error.code.unknown_parameter": "The form had a field that this question does not take. Choose again and run.",
    "error.code.repeated_parameter": "A field of the form came twice. Choose again and run.",
    "error.code.bad_parameter.origin": "By what your browser says, another site sent this form, so nothing was done. Use the "
    "form on our own page. If that ends here again, the fault is ours: our proxy does not pass on the Host header; its "
    "operator can also set server.public_url.",
    "error.code.bad_parameter.type": "What was sent is not this page's form, so nothing was run. Ask from the form below; "
    "programs use the API.",
    "error.code.bad_parameter.size": "The form was larger than 8 KiB, so nothing was run. Ask again with a shorter target.",
    "error.code.bad_parameter.encoding": "What was sent is not text in UTF-8, so nothing was run. Type the target anew and "
    "run.",
    "error.code.unknown_event": "This page's place in the result is not known any more. Load it again.",
    "error.code.unauthorized": "This needs a valid API key. The form on the first page needs none.",
    "error.code.not_found": "There is nothing at this address.",
    "error.code.method_not_allowed": "This address does not take that. Go back to the form and ask from there.",
    "error.code.router_busy": "All sessions of this router are in use and others wait. Choose another router, or try again in "
    "{time}.",
    "error.code.router_unreachable": "The router cannot be reached. That is on our side; choose another one.",
    "error.code.router_identity": "The router did not prove that it is itself, so we did not log in. That is on our side; "
    "choose another one.",
    "error.code.router_login": "The router refused our login. That is on our side; choose another one.",
    "error.code.router_timeout": "The router did not answer in time. Try again, or choose another one.",
    "error.code.router_refused": "The router refused the command. That is on our side; choose another router or diagnostic.",
    "error.code.router_garbled": "The router sent something that is not text. That is on our side; try again, or choose "
    "another one.",
    "error.code.router_closed": "The router closed the session before its answer was whole. Try again.",
    "error.code.route_source_down": "The routes of this router cannot be read now. That is on our side; choose another one, "
    "or try again in a few minutes.",
    "error.code.audit_unavailable": "Our database cannot be used now, so nothing was run. That is on our side; try again in a "
    "minute.",
    "error.code.stopped": "The query was stopped before its end. Run it again.",
    "error.code.internal": "That was our mistake. Trying again may help.",
    "error.code.bad_target": "This is not an address like 8.8.8.8 or 2001:4860:4860::8888, a name like dns.google or a prefix "
    "like 8.8.8.0/24.",
    "error.code.bad_parameter": "One of the choices does not exist. Choose again and run.",
    "error.code.target_refused": "This target cannot be asked about. Enter a public address, a host name or a prefix.",
    "error.target.private": "{target} is private and not reachable from the internet. Enter a public address, a host name or "
    "a prefix.",
    "error.target.special": "{target} is reserved and belongs to no network on the internet. Enter a public address, a host "
    "name or a prefix.",
    "error.target.ours": "{target} belongs to our own infrastructure or is excluded by us. Enter an address beyond it.",
    "error.target.leads": "{target} leads to an address that cannot be asked about from here. Enter a public target.",
    "error.target.prefix": "A prefix works with BGP AS path. For ping and traceroute enter one address in it.",
    "error.target.name": "BGP AS path needs an address or a prefix; routes know no host names.",
    "error.target.bits": "This prefix has bits set beyond its length. Write its first address, like 8.8.8.0/24.",
    "error.target.short": "This prefix is too short. Use /8 to /32 for IPv4, /16 to /128 for IPv6, or a default route.",
    "error.code.name_not_found": "This name has no address. Check its spelling.",
    "error.code.no_address_in_family": "This connection has no source address of the target's IP version. Choose another "
    "connection or IP version.",
    "error.code.target_limited": "This target was asked about too often in the last minute, by all visitors together. Try "
    "again in {time}.",
    "error.code.unknown_router": "There is no such router. Choose one of the list.",
    "error.code.unknown_connection": "This router has no such connection. Choose one of its list.",
    "error.one_router": "{query} is asked of one router at a time. Choose one from the list.",
    "error.code.not_offered": "This router does not answer this question. Choose another router or diagnostic.",
    "error.code.maintenance": "This router is out of service for maintenance. Choose another one.",
    "error.code.rate_limited": "Limit reached. The next query is free in {time}.",
    "error.code.rate_limited.misses": "Too much that does not exist was asked for from your address. Stored results open "
    "again in {time}; new queries can be run meanwhile.",
    "error.code.server_busy": "Too many queries are under way right now. Try again in {time}; nothing you typed is lost.",
    "error.code.resolver_failed": "Our name servers did not answer. Try again, or enter an address instead of a name.",
    "error.code.shutting_down": "The service is restarting. Try again in a minute.",
    "error.link.router": "{slug} is not here any more; {chosen} is chosen.",
    "error.link.router.nameless": "The router of this link is not here any more; {chosen} is chosen.",
    "error.link.connection": "{router} has no connection {id} any more; {chosen} is chosen.",
    "error.link.connection.nameless": "The connection of this link is not here any more; {chosen} is chosen.",
    "error.link.query": "The diagnostic of this link is not here any more; {chosen} is chosen.",
}
