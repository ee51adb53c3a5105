//! Kernels and permissions that lack something: what is used instead, and what is said about it.

use std::future::Future;

use fhrp::{Buckets, HoldFault, Holdings, Presence, Share};

use super::lab::{Lab, VMAC, holdings, ok, state, with_lab};
use crate::addr::inside::Inside;
use crate::addr::kernel::{KernelManager, Watch};
use crate::addr::nft::Nft;
use crate::addr::{AddressManager, HoldResult, Preparation, Wish};
use crate::engine::GroupIndex;

fn on_runtime<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

async fn hold(manager: &mut KernelManager, lab: &Lab, holdings: Holdings) -> HoldResult {
    let wish = Wish { group: GroupIndex(1), ticket: 1, link: lab.lan, holdings };
    manager.reconcile(vec![wish]).await.remove(0).1
}

#[test]
fn without_a_tun_device_the_addresses_are_on_lo() {
    with_lab(|lab| {
        on_runtime(async {
            let before = state();
            let inside = Inside::loopback("permission denied");
            let mut manager = KernelManager::assemble(Watch::All, None, inside, Nft::open()).unwrap();
            let described = manager.describe();
            assert!(
                described.contains("accepted addresses on lo, since /dev/net/tun gave `permission denied`")
            );
            manager
                .prepare(&[Preparation { link: lab.lan, macs: [VMAC].into(), ..Preparation::default() }])
                .await
                .unwrap();
            hold(&mut manager, lab, holdings("10.0.0.1", Presence::Accepted)).await.unwrap();
            assert!(ok("ip addr show dev lo").contains("10.0.0.1/32"));
            assert!(lab.reaches("10.0.0.1"));
            manager.withdraw().await.unwrap();
            assert_eq!(state(), before);
        });
    });
}

#[test]
fn without_nf_tables_only_plain_addresses_are_held() {
    with_lab(|lab| {
        on_runtime(async {
            let fault =
                HoldFault { operation: "make tables".into(), cause: "operation not supported".into() };
            let mut manager = KernelManager::assemble(Watch::All, None, Inside::probe(), Err(fault)).unwrap();
            assert_eq!(
                manager.describe(),
                "no virtual MACs: make tables: operation not supported; macvlan is not implemented; \
                 groups with `virtual-mac = false` work"
            );
            let refused = "hold a virtual MAC: make tables: operation not supported; `virtual-mac = false` \
                           works without it";
            let fault = manager
                .prepare(&[Preparation { link: lab.lan, macs: [VMAC].into(), ..Preparation::default() }])
                .await;
            assert_eq!(fault.unwrap_err().to_string(), refused);
            let fault = hold(&mut manager, lab, holdings("10.0.0.1", Presence::Accepted)).await;
            assert_eq!(fault.unwrap_err().to_string(), refused);
            hold(&mut manager, lab, holdings("10.0.0.1", Presence::OnInterface)).await.unwrap();
            assert!(lab.host("arping -c 1 -w 1 -I host 10.0.0.1").output().unwrap().status.success());
        });
    });
}

#[test]
fn without_bpf_nothing_is_shared_but_the_rest_is_held() {
    with_lab(|lab| {
        on_runtime(async {
            for missing in [caps::Capability::CAP_BPF, caps::Capability::CAP_SYS_ADMIN] {
                caps::drop(None, caps::CapSet::Effective, missing).unwrap();
            }
            let mut manager =
                KernelManager::assemble(Watch::All, None, Inside::probe(), Nft::open()).unwrap();
            let macs = [VMAC].into();
            let shared = Preparation { link: lab.lan, macs, shared: true, ..Preparation::default() };
            let fault = manager.prepare(std::slice::from_ref(&shared)).await.unwrap_err();
            let refused = "load a BPF program that shares a virtual MAC (Linux 6.6, CAP_BPF and CAP_NET_ADMIN): \
                           operation not permitted";
            assert_eq!(fault.to_string(), refused);
            let whole = holdings("10.0.0.1", Presence::Accepted);
            let share = Share::Buckets(Buckets::new(2).unwrap().with(0));
            let part = Holdings { forward: [(VMAC, share)].into(), ..whole.clone() };
            assert_eq!(hold(&mut manager, lab, part).await.unwrap_err().to_string(), refused);
            assert!(lab.misses("10.0.0.1"));
            manager.prepare(&[Preparation { shared: false, ..shared }]).await.unwrap();
            hold(&mut manager, lab, whole).await.unwrap();
            assert!(lab.reaches("10.0.0.1"));
        });
    });
}
