//! PROOF: the addresses of a cluster, all derived from its index, so that several can stand side by side.

use std::net::Ipv4Addr;

/// How many clusters there can be at once.
pub const CLUSTERS: u8 = 200;

/// The addresses of the cluster with a given index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnets {
    index: u8,
}

impl Subnets {
    /// Of the cluster with this index, below [`CLUSTERS`].
    pub fn new(index: u8) -> Self {
        Self { index }
    }

    /// The host's end of the link.
    pub fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 240, self.index, 1)
    }

    /// The node's end of the link: where the API server and node ports are reached.
    pub fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 240, self.index, 2)
    }

    /// The range of pods.
    pub fn pods(self) -> String {
        format!("10.241.{}.0/24", self.index)
    }

    /// The range of Services.
    pub fn services(self) -> String {
        format!("10.242.{}.0/24", self.index)
    }

    /// The Service of the API server, always the first of its range.
    pub fn api_server(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 242, self.index, 1)
    }

    /// The Service of the DNS server.
    pub fn dns(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 242, self.index, 10)
    }

    /// Name of the host's end of the link; Linux allows 15 characters.
    pub fn link(self) -> String {
        format!("kfpops{}", self.index)
    }

    /// The three ranges as (first address, prefix length).
    fn ranges(self) -> [(u32, u32); 3] {
        [(240, 30), (241, 24), (242, 24)]
            .map(|(second, length)| (Ipv4Addr::new(10, second, self.index, 0).to_bits(), length))
    }

    /// Whether a route of the host leads into one of the ranges. The text is that of `/proc/net/route`; default routes and
    /// others that are wider than a whole range do not count, for ours are more specific.
    pub fn is_taken(self, routes: &str) -> bool {
        routes.lines().skip(1).any(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let number = |index: usize| {
                fields
                    .get(index)
                    .and_then(|field| u32::from_str_radix(field, 16).ok())
            };
            let (Some(address), Some(mask)) = (number(1), number(7)) else {
                return false;
            };
            // The kernel prints the bytes in network order as one number of the host, which is little-endian.
            let (address, mask) = (address.swap_bytes(), mask.swap_bytes());
            self.ranges().iter().any(|&(first, length)| {
                let own_mask = u32::MAX << (32 - length);
                mask >= 0xff00_0000 && (address & mask & own_mask) == (first & mask & own_mask)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::default_route("eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000", false)]
    #[case::another_cluster("kfpops4\t0004F00A\t00000000\t0001\t0\t0\t0\tFCFFFFFF", false)]
    #[case::this_link("kfpops3\t0003F00A\t00000000\t0001\t0\t0\t0\tFCFFFFFF", true)]
    #[case::these_pods("x\t0003F10A\t0203F00A\t0003\t0\t0\t0\t00FFFFFF", true)]
    #[case::a_wide_private_network("vpn\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF", true)]
    #[case::elsewhere("eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF", false)]
    fn a_range_that_the_host_routes_elsewhere_is_seen(#[case] route: &str, #[case] taken: bool) {
        let routes = format!("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n{route}\n");
        assert_eq!(Subnets::new(3).is_taken(&routes), taken);
    }

    #[test]
    fn the_name_of_a_link_is_short_enough_for_linux() {
        assert!(Subnets::new(CLUSTERS).link().len() <= 15);
    }
}
