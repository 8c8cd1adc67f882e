use super::{RedisServer, free_port, until};

/// A Redis Cluster of one test alone: masters that share the slots evenly, and replicas if a test adds them. It goes
/// on answering for what is left when one of them is down.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    server: RedisServer,
    port: u16,
    /// What the others call it.
    id: String,
}

const SLOTS: usize = 16384;

fn args_of_one() -> Vec<String> {
    let bus = free_port().to_string();
    let args = [
        ["--cluster-enabled", "yes"],
        ["--cluster-port", &bus],
        ["--cluster-node-timeout", "1000"],
        ["--cluster-require-full-coverage", "no"],
    ];
    args.concat().into_iter().map(str::to_owned).collect()
}

// ===== impl Node =====

impl Node {
    fn meet(&self, other: &Self) {
        let bus = other.server.args_after("--cluster-port");
        let meet = ["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string(), bus];
        assert_eq!(self.server.cli(&meet), "OK");
    }
}

// ===== impl RedisCluster =====

impl RedisCluster {
    /// Starts it, and waits until every one of its servers says that all is well.
    ///
    /// # Panics
    ///
    /// If that does not come about.
    pub async fn start(servers: usize) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        for number in 0..servers {
            let (server, port) = RedisServer::start_on_some_port(args_of_one).await;
            let share = |number| number * SLOTS / servers;
            let (first, last) = (share(number), share(number + 1) - 1);
            let (first, last) = (first.to_string(), last.to_string());
            let epoch = (number + 1).to_string();
            let id = server.cli(&["CLUSTER", "MYID"]);
            for command in [
                &["CLUSTER", "SET-CONFIG-EPOCH", &epoch][..],
                &["CLUSTER", "ADDSLOTSRANGE", &first, &last],
            ] {
                assert_eq!(server.cli(command), "OK");
            }
            let node = Node { server, port, id };
            if let Some(first) = nodes.first() {
                node.meet(first);
            }
            nodes.push(node);
        }
        let known = format!("cluster_known_nodes:{servers}");
        let is_well = |node: &Node| {
            let said = node.server.cli(&["CLUSTER", "INFO"]);
            said.contains("cluster_state:ok")
                && said.contains("cluster_slots_assigned:16384")
                && said.lines().any(|line| line.trim() == known)
        };
        until("the Cluster is well", || nodes.iter().all(is_well)).await;
        Self { nodes }
    }

    /// Adds a replica of one of its servers, which takes its place when it is down, and waits until it has its data.
    /// It is the last of the servers from now on.
    ///
    /// # Panics
    ///
    /// If that does not come about.
    pub async fn add_replica(&mut self, of: usize) {
        let (server, port) = RedisServer::start_on_some_port(args_of_one).await;
        let id = server.cli(&["CLUSTER", "MYID"]);
        let node = Node { server, port, id };
        let master = &self.nodes[of];
        node.meet(master);
        let command = ["CLUSTER", "REPLICATE", &master.id];
        until("it knows its master", || node.server.cli(&command) == "OK").await;
        until("it has its data", || {
            let said = node.server.cli(&["INFO", "replication"]);
            said.contains("master_link_status:up")
        })
        .await;
        // Who does not know of it would not elect it.
        let known = |other: &Node| {
            let nodes = other.server.cli(&["CLUSTER", "NODES"]);
            let mut lines = nodes.lines();
            lines.any(|line| line.starts_with(&node.id) && line.contains("slave"))
        };
        until("all know it", || self.nodes.iter().all(known)).await;
        self.nodes.push(node);
    }

    /// Where one of its servers listens.
    #[must_use]
    pub fn address(&self, server: usize) -> (String, u16) {
        ("127.0.0.1".to_owned(), self.nodes[server].port)
    }

    /// One of its servers, to stop it, kill it or ask it.
    pub fn server(&mut self, number: usize) -> &mut RedisServer {
        &mut self.nodes[number].server
    }

    /// Which of them keeps the keys with this hash tag, as one of them that is up tells it.
    ///
    /// # Panics
    ///
    /// If it is none of them.
    #[must_use]
    pub fn keeper(&self, up: usize, tag: &str) -> usize {
        let server = &self.nodes[up].server;
        let slot: usize = server
            .cli(&["CLUSTER", "KEYSLOT", tag])
            .parse()
            .expect("a slot");
        let ranges = server.cli(&["CLUSTER", "SLOTS"]);
        // Of each range: first, last, host, port, id, and nothing else that matters.
        let lines: Vec<_> = ranges.lines().collect();
        let number = |line: &&str| line.trim().parse::<usize>().ok();
        let id = lines.windows(5).find_map(|range| {
            let (first, last) = (number(&range[0])?, number(&range[1])?);
            ((first..=last).contains(&slot) && range[2].trim() == "127.0.0.1").then(|| range[4])
        });
        let id = id.expect("somebody keeps it").trim();
        self.nodes
            .iter()
            .position(|node| node.id == id)
            .expect("one of them")
    }

    /// Moves the slot of this hash tag, with its keys, to another of its servers.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn reshard(&self, tag: &str, from: usize, to: usize) {
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let slot = source.server.cli(&["CLUSTER", "KEYSLOT", tag]);
        let set = |node: &Node, state: &str, other: &Node| {
            let command = ["CLUSTER", "SETSLOT", &slot, state, &other.id];
            assert_eq!(node.server.cli(&command), "OK");
        };
        set(target, "IMPORTING", source);
        set(source, "MIGRATING", target);
        loop {
            let keys = source
                .server
                .cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            if keys.is_empty() {
                break;
            }
            let port = target.port.to_string();
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(keys.lines());
            // One that has run out of time is not there any more.
            let done = source.server.cli(&migrate);
            assert!(["OK", "NOKEY"].contains(&&*done), "{done}");
        }
        set(target, "NODE", target);
        set(source, "NODE", target);
    }
}
