"""Was an einer Frage oder einem Besuch falsch sein kann: woran es liegt, an wem, und was weiterhilft."""

WORDS = {
    "error.code.missing_parameter": "Eine Angabe fehlt. Bitte ergänzen und ausführen.",
    "error.code.missing_parameter.router": "Bitte einen Router wählen.",
    "error.code.missing_parameter.connection": "Bitte eine Verbindung dieses Routers wählen.",
    "error.code.missing_parameter.target": "Bitte eine Adresse, einen Hostnamen oder ein Präfix eingeben.",
    "error.code.unknown_parameter": "Das Formular hatte ein Feld, das zu dieser Frage nicht gehört. Bitte neu wählen und "
    "ausführen.",
    "error.code.repeated_parameter": "Ein Feld des Formulars kam doppelt. Bitte neu wählen und ausführen.",
    "error.code.bad_parameter.origin": "Nach Angabe Ihres Browsers kam dieses Formular von einer anderen Website; deshalb ist "
    "nichts geschehen. Bitte das Formular auf unserer eigenen Seite benutzen. Endet auch das hier, liegt der Fehler bei uns: "
    "Unser Proxy gibt den Host-Header nicht weiter; der Betreiber kann auch server.public_url setzen.",
    "error.code.bad_parameter.type": "Was ankam, ist nicht das Formular dieser Seite; deshalb lief nichts. Bitte mit dem "
    "Formular unten fragen; für Programme gibt es die API.",
    "error.code.bad_parameter.size": "Das Formular war größer als 8 KiB; deshalb lief nichts. Bitte mit einem kürzeren Ziel "
    "noch einmal fragen.",
    "error.code.bad_parameter.encoding": "Was ankam, ist kein Text in UTF-8; deshalb lief nichts. Bitte das Ziel neu eingeben "
    "und ausführen.",
    "error.code.unknown_event": "Wo diese Seite im Ergebnis stand, ist nicht mehr bekannt. Bitte neu laden.",
    "error.code.unauthorized": "Dafür ist ein gültiger API-Schlüssel nötig. Das Formular auf der ersten Seite braucht keinen.",
    "error.code.not_found": "Unter dieser Adresse gibt es nichts.",
    "error.code.method_not_allowed": "Das nimmt diese Adresse nicht an. Bitte zurück zum Formular und von dort fragen.",
    "error.code.router_busy": "Alle Sitzungen dieses Routers sind belegt, und andere warten. Bitte einen anderen Router "
    "wählen oder in {time} noch einmal versuchen.",
    "error.code.router_unreachable": "Der Router ist nicht erreichbar. Das liegt an uns; bitte einen anderen wählen.",
    "error.code.router_identity": "Der Router konnte sich nicht ausweisen, deshalb haben wir uns nicht angemeldet. Das liegt "
    "an uns; bitte einen anderen wählen.",
    "error.code.router_login": "Der Router hat unsere Anmeldung abgelehnt. Das liegt an uns; bitte einen anderen wählen.",
    "error.code.router_timeout": "Der Router hat nicht rechtzeitig geantwortet. Bitte noch einmal versuchen oder einen "
    "anderen wählen.",
    "error.code.router_refused": "Der Router hat den Befehl abgelehnt. Das liegt an uns; bitte Router oder Diagnose wechseln.",
    "error.code.router_garbled": "Der Router hat etwas gesendet, das kein Text ist. Das liegt an uns; bitte noch einmal "
    "versuchen oder einen anderen wählen.",
    "error.code.router_closed": "Der Router hat die Sitzung beendet, bevor die Antwort vollständig war. Bitte noch einmal "
    "versuchen.",
    "error.code.route_source_down": "Die Routen dieses Routers sind gerade nicht zu lesen. Das liegt an uns; bitte einen "
    "anderen wählen oder es in einigen Minuten noch einmal versuchen.",
    "error.code.audit_unavailable": "Unsere Datenbank ist gerade nicht zu benutzen, deshalb lief nichts. Das liegt an uns; "
    "bitte in einer Minute noch einmal versuchen.",
    "error.code.stopped": "Die Abfrage wurde vor ihrem Ende angehalten. Bitte noch einmal ausführen.",
    "error.code.internal": "Das war unser Fehler. Ein neuer Versuch kann helfen.",
    "error.code.bad_target": "Das ist weder eine Adresse wie 8.8.8.8 oder 2001:4860:4860::8888 noch ein Name wie dns.google "
    "noch ein Präfix wie 8.8.8.0/24.",
    "error.code.bad_parameter": "Eine der Angaben gibt es nicht. Bitte neu wählen und ausführen.",
    "error.code.target_refused": "Nach diesem Ziel kann nicht gefragt werden. Bitte eine öffentliche Adresse, einen Hostnamen "
    "oder ein Präfix eingeben.",
    "error.target.private": "{target} ist privat und aus dem Internet nicht erreichbar. Bitte eine öffentliche Adresse, einen "
    "Hostnamen oder ein Präfix eingeben.",
    "error.target.special": "{target} ist reserviert und gehört zu keinem Netz im Internet. Bitte eine öffentliche Adresse, "
    "einen Hostnamen oder ein Präfix eingeben.",
    "error.target.ours": "{target} gehört zu unserer eigenen Infrastruktur oder ist von uns ausgenommen. Bitte eine Adresse "
    "dahinter eingeben.",
    "error.target.leads": "{target} führt zu einer Adresse, nach der hier nicht gefragt werden kann. Bitte ein öffentliches "
    "Ziel eingeben.",
    "error.target.prefix": "Ein Präfix geht mit BGP-AS-Pfad. Für Ping und Traceroute bitte eine Adresse daraus eingeben.",
    "error.target.name": "Der BGP-AS-Pfad braucht eine Adresse oder ein Präfix; Routen kennen keine Hostnamen.",
    "error.target.bits": "Bei diesem Präfix sind Bits hinter seiner Länge gesetzt. Bitte seine erste Adresse schreiben, wie "
    "8.8.8.0/24.",
    "error.target.short": "Dieses Präfix ist zu kurz. Bitte /8 bis /32 für IPv4, /16 bis /128 für IPv6 oder eine "
    "Standardroute.",
    "error.code.name_not_found": "Dieser Name hat keine Adresse. Bitte die Schreibweise prüfen.",
    "error.code.no_address_in_family": "Diese Verbindung hat keine Absenderadresse der IP-Version des Ziels. Bitte eine "
    "andere Verbindung oder IP-Version wählen.",
    "error.code.target_limited": "Nach diesem Ziel wurde in der letzten Minute von allen Besuchern zusammen zu oft gefragt. "
    "Bitte in {time} noch einmal.",
    "error.code.unknown_router": "Diesen Router gibt es nicht. Bitte einen aus der Liste wählen.",
    "error.code.unknown_connection": "Diese Verbindung hat der Router nicht. Bitte eine aus seiner Liste wählen.",
    "error.one_router": "{query} geht immer von einem einzelnen Router aus. Bitte einen aus der Liste wählen.",
    "error.code.not_offered": "Dieser Router beantwortet diese Frage nicht. Bitte Router oder Diagnose wechseln.",
    "error.code.maintenance": "Dieser Router ist wegen Wartung außer Betrieb. Bitte einen anderen wählen.",
    "error.code.rate_limited": "Limit erreicht. Die nächste Abfrage ist in {time} frei.",
    "error.code.rate_limited.misses": "Von Ihrer Adresse aus wurde zu oft nach etwas gefragt, das es nicht gibt. Gespeicherte "
    "Ergebnisse öffnen sich wieder in {time}; neue Abfragen sind möglich.",
    "error.code.server_busy": "Gerade laufen zu viele Abfragen. Bitte in {time} noch einmal; nichts geht verloren.",
    "error.code.resolver_failed": "Unsere Nameserver haben nicht geantwortet. Bitte noch einmal oder eine Adresse eingeben.",
    "error.code.shutting_down": "Der Dienst startet neu. Bitte in einer Minute noch einmal.",
    "error.link.router": "{slug} gibt es hier nicht mehr; gewählt ist {chosen}.",
    "error.link.router.nameless": "Den Router aus diesem Link gibt es hier nicht mehr; gewählt ist {chosen}.",
    "error.link.connection": "{router} hat keine Verbindung {id} mehr; gewählt ist {chosen}.",
    "error.link.connection.nameless": "Die Verbindung aus diesem Link gibt es hier nicht mehr; gewählt ist {chosen}.",
    "error.link.query": "Die Diagnose aus diesem Link gibt es hier nicht mehr; gewählt ist {chosen}.",
}
