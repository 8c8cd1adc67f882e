//! End to end: the program `headworks` on real sockets, before scripted upstreams, behind real clients.
