"""Die Dokumentation der API für Kunden."""

WORDS = {
    "api.title": "API-Dokumentation für Kunden",
    "api.lead": (
        "Dieselben Fragen wie auf der Webseite, gestellt von Ihren eigenen Werkzeugen: JSON über HTTP, Ereignisse "
        "live, wo Sie sie wollen, reiner Text für das Terminal. Ihr Schlüssel ersetzt die Rechenfrage."
    ),
    "api.base": "Basis-URL",
    "api.contact": "Zugang zur API gibt es bei {contact}.",
    "api.contact.none": "Zugang zur API gibt der Betreiber dieses Looking Glass: Fragen Sie ihn nach einem Schlüssel.",
    "api.shape": (
        "Jeder Pfad nimmt GET, wenn nichts anderes dabei steht, und antwortet mit JSON. Ein Erfolg trägt `data`, "
        "ein Fehler einen Satz und ein festes Wort. Version 1 bekommt nur Felder hinzu: Übergehen Sie, was Sie "
        "nicht kennen. Ein unbekannter Wert ist `null` und fehlt nie; der Name eines Feldes nennt seine Einheit; "
        "Zeiten sind UTC."
    ),
    "api.contents": "Inhalt",
    "api.menu.start": "Anfang",
    "api.menu.paths": "Endpunkte",
    "api.menu.more": "Weiteres",
    "api.overview": "Überblick",
    "api.openapi": "Datei OpenAPI 3.1",
    "api.section": "Link auf diesen Abschnitt: {title}",
    "api.copy": "Kopieren",
    "api.auth": "Anmeldung",
    "api.auth.text": (
        "Senden Sie Ihren Schlüssel als Bearer-Token mit jeder Anfrage unter `/api/v1`. Die Beispiele dieser Seite "
        "nehmen ihn aus der Umgebungsvariablen `NETPULSE_KEY`."
    ),
    "api.auth.once": (
        "Er wurde einmal gezeigt, als er entstand; wir behalten nur seine Prüfsumme und können ihn nicht noch einmal "
        "zeigen. Verloren oder bekannt geworden: Sie bekommen einen neuen, und der alte wird gesperrt."
    ),
    "api.auth.header": "Er gehört in die Kopfzeile und nirgendwo sonst: Ein Schlüssel in einer URL gilt wie keiner.",
    "api.auth.rights": (
        "Ein Schlüssel kann an einzelne Router, an die Netze, aus denen er benutzt wird, und an ein Ablaufdatum "
        "gebunden sein. Router und Verbindungen, die er nicht benutzen darf, gibt es für ihn nicht."
    ),
    "api.auth.same": (
        "Fehlend, falsch, abgelaufen, gesperrt oder von woanders benutzt: Die Antwort ist immer dieselbe 401. Mehr "
        "als {n} falsche Schlüssel in der Minute von einem Absender bekommen 429."
    ),
    "api.limits": "Grenzen",
    "api.limits.text": (
        "Ein Schlüssel darf {n} Anfragen in der Minute senden, wenn nichts anderes vereinbart ist, gezählt in einer "
        "gleitenden Minute. Jede Anfrage mit gültigem Schlüssel kostet eine, wie auch immer die Antwort lautet; eine "
        "Frage an alle Router kostet eine je Router. `/limits` und das Fortsetzen eines Stroms sind frei."
    ),
    "api.limits.headers": "Was die Kopfzeilen einer Antwort sagen:",
    "api.header.x_ratelimit_limit": "Erlaubte Anfragen in einer Minute.",
    "api.header.x_ratelimit_remaining": "Jetzt noch übrige Anfragen.",
    "api.header.x_ratelimit_reset": (
        "Ganze Sekunden, aufgerundet: bis eine weitere Anfrage zugelassen wird, wenn keine übrig ist, sonst bis die "
        "Grenze wieder ganz ist."
    ),
    "api.header.retry_after": (
        "Bei 429: ganze Sekunden, die zu warten ist. Nach `rate_limited` wird die nächste Anfrage dann zugelassen; "
        "nach `router_busy` ist es eine Schätzung aus der Warteschlange."
    ),
    "api.header.x_request_id": "Benennt diese Anfrage; nennen Sie sie, wenn Sie einen Fehler melden.",
    "api.header.x_result_id": (
        "Die Kennung, unter der die Antwort {days} Tage aufbewahrt wird, auch die einer gescheiterten Frage."
    ),
    "api.header.www_authenticate": "Bei 401: wie ein Schlüssel vorzulegen ist.",
    "api.op.routers": "Router auflisten",
    "api.op.routers.text": (
        "Jeder Router, den Ihr Schlüssel benutzen darf. `status` ist unser eigener Zugang zu ihm (`up`, `busy`, "
        "`down`, `maintenance`), `queries`, was er beantwortet."
    ),
    "api.op.connections": "Verbindungen eines Routers auflisten",
    "api.op.connections.text": (
        "Wovon ein Ping oder Traceroute ausgehen kann. `id` ist über alle Router eindeutig und wird nie wieder "
        "vergeben; die Absenderadresse bestimmt den Rückweg, `egress` sagt, was über den Hinweg bekannt ist. `status` "
        "ist der Zustand der BGP-Nachbarn, wo er sich feststellen lässt."
    ),
    "api.op.connections.router": "Router, dessen Verbindungen aufgelistet werden; sein `slug` aus `/routers`",
    "api.op.limits": "Grenze ablesen",
    "api.op.limits.text": "Wie es um die Grenze Ihres Schlüssels steht. Frei: Es kostet keine Anfrage.",
    "api.op.result": "Eine gespeicherte Antwort noch einmal lesen",
    "api.op.result.text": (
        "Antworten werden {days} Tage aufbewahrt, auch gescheiterte. Solange die Frage noch läuft, kommen die bisher "
        "bekannten Felder, und sie läuft weiter."
    ),
    "api.op.result.id": "Die `id` einer Antwort: 32 Ziffern aus `data.id` oder der Kopfzeile `X-Result-Id`",
    "api.op.stop": "Eine eigene Frage anhalten",
    "api.op.stop.text": "Beendet den Befehl auf dem Router sofort. `stopped` ist falsch, wenn er schon zu Ende war.",
    "api.op.stop.id": "Die `id` einer Frage, die Sie gestellt haben",
    "api.everywhere": "{title} auf allen Routern",
    "api.everywhere.text": (
        "Dieselbe Frage an jeden Router, der sie beantwortet, in einer Anfrage: Zeilen in fester Reihenfolge, jede "
        "`ok` oder mit eigenem `error` und `code`, dazu eine Zusammenfassung. Sie kostet eine Anfrage je Router."
    ),
    "api.parameter.last_event_id": "Mit `text/event-stream`: nach diesem Ereignis einer eigenen Frage weitermachen",
    "api.query.ping": "Sendet fünf Echo-Anfragen von der Adresse einer Verbindung und misst die Antworten.",
    "api.query.ping.target": "IP-Adresse oder Hostname, der geprüft wird",
    "api.query.ping.router": "Router, der die Pakete sendet",
    "api.query.ping.connection": "Id der Verbindung, deren Absenderadresse benutzt wird",
    "api.query.ping.family": "IP-Version für einen Hostnamen",
    "api.query.traceroute": (
        "Listet die Router zwischen der Adresse einer Verbindung und dem Ziel, mit drei Proben je Hop."
    ),
    "api.query.traceroute.target": "IP-Adresse oder Hostname, zu dem der Weg gesucht wird",
    "api.query.traceroute.router": "Router, der die Pakete sendet",
    "api.query.traceroute.connection": "Id der Verbindung, deren Absenderadresse benutzt wird",
    "api.query.traceroute.family": "IP-Version für einen Hostnamen",
    "api.query.traceroute.as_lookup": "Ergänzt AS-Nummer, AS-Namen und Austauschpunkt jedes Hops",
    "api.query.aspath": "Zeigt die BGP-Routen zu einer Adresse oder einem genauen Präfix, und welche der Router gewählt hat.",
    "api.query.aspath.target": "IP-Adresse (längste Übereinstimmung) oder genaues Präfix",
    "api.query.aspath.router": "Router, nach dessen Routen gefragt wird; ohne Angabe der erste verfügbare",
    "api.parameters": "Parameter",
    "api.parameters.none": "Keine Parameter.",
    "api.required": "nötig",
    "api.optional": "freigestellt",
    "api.default": "Ohne Angabe",
    "api.example": "Beispiel",
    "api.request": "Anfrage",
    "api.request.language": "Sprache des Beispiels: {title}",
    "api.answer": "Antwort",
    "api.answer.note": "Die Werte sind Beispiele; lange Texte und Listen sind bei … gekürzt.",
    "api.streams": "Ereignisse live",
    "api.streams.text": (
        "Senden Sie `Accept: text/event-stream` mit einer beliebigen Frage, und dieselbe URL erzählt, was geschieht, "
        "während es geschieht, als Server-Sent Events. Ein Fehler vor dem Beginn ist eine gewöhnliche Fehlerantwort."
    ),
    "api.event.started": "Die bisher bekannten Felder; `data` wie in der Antwort, der Rest `null`.",
    "api.event.queued": "`position`: der Platz in der Schlange, solange der Router ausgelastet ist.",
    "api.event.output": "`text`: eine Zeile, wie der Router sie schreibt.",
    "api.event.found": (
        "`record`: ein Echo, ein Hop oder eine Route. Mit gleichem `seq`, `hop` oder `prefix` kann es wieder kommen; "
        "das spätere ersetzt das frühere."
    ),
    "api.event.finished": "Das letzte Ereignis: das ganze Objekt `data`.",
    "api.event.failed": "Stattdessen das letzte Ereignis: `error`, `code` und in `data`, was es gab.",
    "api.event.job": (
        "Bei allen Routern trägt jedes Ereignis `job` (`router`, `connection`), und jeder Router endet mit `answered` "
        "oder `unanswered` vor dem einen `finished`."
    ),
    "api.resume": "Weitermachen nach einer verlorenen Verbindung",
    "api.resume.text": (
        "Fragen Sie dieselbe URL noch einmal und senden Sie die letzte Kennung, die Sie gesehen haben. Was fehlte, "
        "kommt nach, nichts wird begonnen, nichts gezählt. Ein offener Strom hält die Frage am Leben: Hat 5 Sekunden "
        "lang niemand zugehört, wird sie angehalten. Alle 15 Sekunden kommt ein Kommentar, damit kein Proxy die "
        "Leitung schließt."
    ),
    "api.plain": "Reiner Text",
    "api.plain.text": (
        "Senden Sie `Accept: text/plain`, um den Text des Routers und eine kurze Zusammenfassung im Terminal zu "
        "lesen. Fehler sind dann zwei Zeilen: der Satz und sein Wort."
    ),
    "api.errors": "Fehler",
    "api.errors.text": (
        "Urteilen Sie nach Status und `code`, die bleiben; der Satz ist für Menschen und kann sich ändern. Fehler "
        "eines Routers sind 500 und nicht 502 oder 504, weil Proxys deren Inhalt ersetzen."
    ),
    "api.status": "Status",
    "api.code": "Code",
    "api.meaning": "Bedeutung, und was zu tun ist",
    "api.code.missing_parameter": "Ein nötiger Parameter fehlt oder ist leer.",
    "api.code.unknown_parameter": "Der Pfad kennt einen der gesendeten Parameter nicht.",
    "api.code.repeated_parameter": "Ein Parameter kam mehr als einmal.",
    "api.code.bad_parameter": "Ein Parameter hat einen Wert außerhalb seiner Auswahl.",
    "api.code.bad_target": "Das Ziel ist keine Adresse, kein Präfix und kein Hostname in der Form dieser Frage.",
    "api.code.target_refused": "Das Ziel ist ein Adressraum für besondere Zwecke oder gehört dem Betreiber.",
    "api.code.name_not_found": "Der Hostname hat keine Adresse.",
    "api.code.no_address_in_family": "Hostname oder Verbindung haben in dieser IP-Version keine Adresse.",
    "api.code.unknown_router": "Diesen Router gibt es nicht, oder der Schlüssel darf ihn nicht benutzen.",
    "api.code.unknown_connection": (
        "Diese Verbindung gibt es an dem Router nicht, oder der Schlüssel darf sie nicht benutzen."
    ),
    "api.code.not_offered": "Der Router beantwortet diese Art von Frage nicht.",
    "api.code.maintenance": "Der Router ist wegen Wartung außer Betrieb.",
    "api.code.unknown_event": "Last-Event-ID nennt kein Ereignis einer laufenden Frage dieses Absenders.",
    "api.code.unauthorized": "Der API-Schlüssel fehlt, ist falsch, abgelaufen oder gesperrt.",
    "api.code.not_found": "Unter diesem Pfad gibt es nichts.",
    "api.code.method_not_allowed": "Den Pfad gibt es, die Methode nicht.",
    "api.code.rate_limited": "Die eigene Grenze des Absenders ist erreicht.",
    "api.code.target_limited": "Nach diesem Ziel wurde zu oft gefragt, von allen zusammen.",
    "api.code.router_busy": "Die Sitzungen des Routers und seine Schlange sind voll.",
    "api.code.server_busy": "Der Dienst hat so viele Fragen oder Ströme offen, wie er darf.",
    "api.code.router_unreachable": "Der Router nimmt keine Verbindung an.",
    "api.code.router_identity": "Der Host-Schlüssel des Routers ist nicht der hinterlegte.",
    "api.code.router_login": "Der Router hat die Anmeldung abgelehnt.",
    "api.code.router_timeout": "Der Router hat nicht rechtzeitig geantwortet.",
    "api.code.router_refused": "Der Router hat den Befehl abgelehnt.",
    "api.code.router_garbled": "Der Router hat etwas gesendet, das kein Text seines Protokolls ist.",
    "api.code.router_closed": "Der Router hat die Sitzung beendet, bevor seine Antwort ganz war.",
    "api.code.route_source_down": "Keine Routenquelle dieses Routers hat eine bestehende Sitzung zu ihm.",
    "api.code.resolver_failed": "Die Nameserver haben nicht geantwortet.",
    "api.code.audit_unavailable": "Die Datenbank war nicht benutzbar: Nichts wurde protokolliert oder lief, oder nicht gelesen.",
    "api.code.shutting_down": "Der Dienst hält gerade an.",
    "api.code.stopped": "Die Frage wurde vor ihrem Ende angehalten.",
    "api.code.internal": "Ein Fehler im Dienst selbst.",
    "api.do.missing_parameter": "Senden Sie jeden nötigen Parameter, mit einem Wert.",
    "api.do.unknown_parameter": "Lassen Sie weg, was diese Seite für den Pfad nicht nennt; prüfen Sie die Schreibung.",
    "api.do.repeated_parameter": "Senden Sie jeden Parameter einmal.",
    "api.do.bad_parameter": "Nehmen Sie einen der Werte, die beim Parameter stehen.",
    "api.do.bad_target": (
        "Ping und Traceroute nehmen eine Adresse oder einen Hostnamen, der AS-Pfad eine Adresse oder ein genaues Präfix."
    ),
    "api.do.target_refused": "Fragen Sie nach einer öffentlichen Adresse, die nicht zu unseren Geräten gehört.",
    "api.do.name_not_found": "Prüfen Sie den Namen, oder senden Sie eine Adresse.",
    "api.do.no_address_in_family": "Lassen Sie `family` weg, oder wählen Sie eine Verbindung mit der anderen Version.",
    "api.do.unknown_router": "Nehmen Sie einen `slug` aus `/routers`.",
    "api.do.unknown_connection": "Nehmen Sie eine `id` aus `/connections` dieses Routers.",
    "api.do.not_offered": "Sehen Sie `queries` in `/routers` an, und wählen Sie einen anderen Router.",
    "api.do.maintenance": "Wählen Sie einen anderen Router, oder kommen Sie später wieder.",
    "api.do.unknown_event": "Die Frage ist zu Ende oder war nie Ihre: Fragen Sie neu, ohne `Last-Event-ID`.",
    "api.do.unauthorized": "Prüfen Sie die Kopfzeile; stimmt sie, bitten Sie um einen neuen Schlüssel.",
    "api.do.not_found": "Prüfen Sie den Pfad; die Zeit einer gespeicherten Antwort kann vorbei sein.",
    "api.do.method_not_allowed": "Benutzen Sie die Methode, die beim Pfad steht.",
    "api.do.rate_limited": "Warten Sie, so lange `Retry-After` sagt.",
    "api.do.target_limited": "Warten Sie, so lange `Retry-After` sagt, oder lesen Sie die gespeicherte Antwort.",
    "api.do.router_busy": "Warten Sie, so lange `Retry-After` sagt, oder wählen Sie einen anderen Router.",
    "api.do.server_busy": "Warten Sie, so lange `Retry-After` sagt, und halten Sie weniger Ströme offen.",
    "api.do.router_unreachable": "Wählen Sie einen anderen Router; wir sehen es auch.",
    "api.do.router_identity": "Wählen Sie einen anderen Router; diesen müssen wir ansehen.",
    "api.do.router_login": "Wählen Sie einen anderen Router; diesen müssen wir ansehen.",
    "api.do.router_timeout": "Versuchen Sie es in einer Minute wieder, oder wählen Sie einen anderen Router.",
    "api.do.router_refused": "Wiederholen Sie es nicht; nennen Sie uns die `X-Request-Id`.",
    "api.do.router_garbled": "Versuchen Sie es einmal wieder; dann nennen Sie uns die `X-Request-Id`.",
    "api.do.router_closed": "Versuchen Sie es noch einmal.",
    "api.do.route_source_down": "Wählen Sie einen anderen Router, oder versuchen Sie es in einigen Minuten wieder.",
    "api.do.resolver_failed": "Senden Sie eine Adresse statt des Namens, oder versuchen Sie es noch einmal.",
    "api.do.audit_unavailable": "Versuchen Sie es in einer Minute wieder.",
    "api.do.shutting_down": "Versuchen Sie es in einer Minute wieder.",
    "api.do.stopped": "Fragen Sie neu, und halten Sie die Verbindung offen, bis die Antwort da ist.",
    "api.do.internal": "Nennen Sie uns die `X-Request-Id`.",
    "api.try": "Ausprobieren",
    "api.try.of": "Ausprobieren: {title}",
    "api.try.key": "API-Schlüssel",
    "api.try.key.hint": "bleibt in dieser Seite, wird nie gespeichert",
    "api.try.path": "Endpunkt",
    "api.try.accept": "Antwort als",
    "api.try.send": "Senden",
    "api.try.stop": "Anhalten",
    "api.try.none": "weggelassen",
    "api.try.headers": "Kopfzeilen",
    "api.try.body": "Inhalt",
    "api.try.waiting": "Wartet auf die Antwort",
    "api.try.stopped": "Von Ihnen angehalten",
    "api.try.lost": "Die Anfrage kam nicht durch; prüfen Sie den Schlüssel auf fremde Zeichen und Ihre Verbindung.",
    "api.try.left": "{n} übrig in dieser Minute",
    "api.try.empty": "Hier wird die Antwort stehen.",
}
