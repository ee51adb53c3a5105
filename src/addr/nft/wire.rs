//! nf_tables messages in the few shapes we need. Linux include/uapi/linux/netfilter/nf_tables.h.

use netlink_packet_core::{
    NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
};
use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, ChecksumFlags, ChecksumType, Cmp, DataAttribute, ExpressionAttribute,
    Expressions, Hook, HookNumber, Immediate, ListAttribute, Lookup, Meta, MetaKey, NfTablesMessage,
    Operator, Payload, Register, RuleAttribute, RuleMessage, SetAttribute, SetElementAttribute,
    SetElementList, SetElementMessage, SetFlags, SetMessage, TableAttribute, TableFlags, TableMessage,
    Verdict, VerdictAttribute,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily, none::ControlMessage,
};

/// One part of a rule.
pub(super) type Expression = ListAttribute<ExpressionAttribute>;
/// A request to the nf_tables subsystem.
pub(super) type Request = NetlinkMessage<NetfilterMessage>;

/// `NFNL_SUBSYS_NFTABLES`: which subsystem a batch is for.
const SUBSYSTEM: u16 = 10;
/// The verdict `drop` of include/uapi/linux/netfilter.h.
const NF_DROP: u32 = 0;
/// `NFT_LOOKUP_F_INV`.
const LOOKUP_INVERTED: u32 = 1;
/// Most elements in one message: a netlink attribute holds 64 KiB, an element at most some 100 octets.
pub(super) const ELEMENTS_AT_ONCE: usize = 400;

/// A register that holds the first part of a key, and the ones behind it.
pub(super) const R0: Register = Register::Reg32_00;
pub(super) const R1: Register = Register::Reg32_01;

/// Where in a frame an offset counts from: `NFT_PAYLOAD_*_HEADER`.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// The Ethernet header.
    Frame = 0,
    /// The ARP or IP header.
    Network = 1,
    /// What IP carries.
    Transport = 2,
}

/// How a checksum follows a change of the payload.
#[derive(Clone, Copy)]
pub(super) enum Fixup {
    /// Nothing covers it.
    None,
    /// The Internet checksum at this offset.
    At(u32),
    /// The transport checksum, by way of its pseudo-header.
    PseudoHeader,
}

fn request(family: NetfilterProtoFamily, flags: u16, message: NfTablesMessage) -> Request {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let inner = NetfilterMessage::new(NetfilterHeader::new(family, 0, 0), message);
    NetlinkMessage::new(header, inner.into())
}

fn control(message: ControlMessage) -> Request {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let inner = NetfilterMessageInner::None(message);
    let inner =
        NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, SUBSYSTEM), inner);
    NetlinkMessage::new(header, inner.into())
}

/// Opens a transaction.
pub(super) fn begin() -> Request {
    control(ControlMessage::BatchBegin)
}

/// Closes it: now all of it takes effect, or none.
pub(super) fn end() -> Request {
    control(ControlMessage::BatchEnd)
}

/// A table that vanishes with our socket; refused if there is one of this name.
pub(super) fn new_table(family: NetfilterProtoFamily, name: &str) -> Request {
    let attributes = vec![TableAttribute::Name(name.into()), TableAttribute::Flags(TableFlags::Owner)];
    request(family, NLM_F_CREATE | NLM_F_EXCL, NfTablesMessage::NewTable(TableMessage { attributes }))
}

/// All tables.
pub(super) fn get_tables() -> Request {
    let message = NfTablesMessage::GetTable(TableMessage { attributes: Vec::new() });
    request(NetfilterProtoFamily::Unspec, 0, message)
}

/// Removes a table and everything in it.
pub(super) fn delete_table(family: NetfilterProtoFamily, name: &str) -> Request {
    let attributes = vec![TableAttribute::Name(name.into())];
    request(family, 0, NfTablesMessage::DeleteTable(TableMessage { attributes }))
}

/// A chain; a base chain if it has a hook.
pub(super) fn new_chain(
    family: NetfilterProtoFamily,
    table: &str,
    name: &str,
    hook: Option<(u32, Option<&str>)>,
) -> Request {
    let mut attributes = vec![ChainAttribute::Table(table.into()), ChainAttribute::Name(name.into())];
    if let Some((number, device)) = hook {
        let mut hook = vec![Hook::Number(HookNumber::Other(number)), Hook::Priority(0)];
        hook.extend(device.map(|device| Hook::NetDeviceName(device.into())));
        attributes.push(ChainAttribute::Hook(hook));
        attributes.push(ChainAttribute::Type("filter".into()));
    }
    request(family, NLM_F_CREATE | NLM_F_EXCL, NfTablesMessage::NewChain(ChainMessage { attributes }))
}

/// Removes a chain and its rules.
pub(super) fn delete_chain(family: NetfilterProtoFamily, table: &str, name: &str) -> Request {
    let attributes = vec![ChainAttribute::Table(table.into()), ChainAttribute::Name(name.into())];
    request(family, 0, NfTablesMessage::DeleteChain(ChainMessage { attributes }))
}

/// A rule behind those that the chain has.
pub(super) fn new_rule(
    family: NetfilterProtoFamily,
    table: &str,
    chain: &str,
    expressions: Vec<Expression>,
) -> Request {
    let attributes = vec![
        RuleAttribute::Table(table.into()),
        RuleAttribute::Chain(chain.into()),
        RuleAttribute::Expressions(expressions),
    ];
    request(family, NLM_F_CREATE | NLM_F_APPEND, NfTablesMessage::NewRule(RuleMessage { attributes }))
}

/// A set, or a map if it has data: type numbers are nft(8)'s, for its listing alone.
pub(super) struct SetShape {
    pub name: &'static str,
    pub key_type: u32,
    pub key_length: u32,
    pub data: Option<(u32, u32)>,
    pub timeout: bool,
    /// The key is one number of this machine's, not octets of a frame.
    pub host_order: bool,
}

/// The set itself, without elements.
pub(super) fn new_set(family: NetfilterProtoFamily, table: &str, id: u32, shape: &SetShape) -> Request {
    let mut flags = SetFlags::empty();
    flags.set(SetFlags::Timeout, shape.timeout);
    flags.set(SetFlags::Map, shape.data.is_some());
    let mut attributes = vec![
        SetAttribute::Table(table.into()),
        SetAttribute::Name(shape.name.into()),
        SetAttribute::Flags(flags),
        SetAttribute::KeyType(shape.key_type),
        SetAttribute::KeyLen(shape.key_length),
        SetAttribute::Id(id),
    ];
    // For nft(8)'s listing: interface numbers are in this machine's byte order.
    if shape.host_order {
        attributes.push(SetAttribute::UserData([&[0, 4][..], &1_u32.to_ne_bytes()].concat()));
    }
    if let Some((data_type, length)) = shape.data {
        attributes.extend([SetAttribute::DataType(data_type), SetAttribute::DataLen(length)]);
    }
    request(family, NLM_F_CREATE | NLM_F_EXCL, NfTablesMessage::NewSet(SetMessage { attributes }))
}

/// An element of a set.
#[derive(Debug, Clone, Default)]
pub(super) struct Element {
    pub key: Vec<u8>,
    pub data: Option<Vec<u8>>,
    pub timeout_ms: Option<u64>,
}

fn elements(table: &str, set: &str, elements: Vec<Element>) -> SetElementMessage {
    let list = elements.into_iter().map(|element| {
        let mut parts = vec![SetElementAttribute::Key(DataAttribute::Value(element.key))];
        parts.extend(element.data.map(|data| SetElementAttribute::Data(DataAttribute::Value(data))));
        parts.extend(element.timeout_ms.map(SetElementAttribute::Timeout));
        ListAttribute::Element(parts)
    });
    let list = SetElementList::Elements(list.collect());
    SetElementMessage {
        attributes: vec![SetElementList::Table(table.into()), SetElementList::Set(set.into()), list],
    }
}

/// Adds elements.
pub(super) fn add_elements(
    family: NetfilterProtoFamily,
    table: &str,
    set: &str,
    list: Vec<Element>,
) -> Request {
    request(family, NLM_F_CREATE, NfTablesMessage::NewSetElement(elements(table, set, list)))
}

/// Removes elements; refused if one of them is not there.
pub(super) fn delete_elements(
    family: NetfilterProtoFamily,
    table: &str,
    set: &str,
    list: Vec<Element>,
) -> Request {
    request(family, 0, NfTablesMessage::DeleteSetElement(elements(table, set, list)))
}

/// Removes whatever is in the set.
pub(super) fn flush_set(family: NetfilterProtoFamily, table: &str, set: &str) -> Request {
    let attributes = vec![SetElementList::Table(table.into()), SetElementList::Set(set.into())];
    request(family, 0, NfTablesMessage::DeleteSetElement(SetElementMessage { attributes }))
}

/// Loads a fact about the frame.
pub(super) fn load_meta(key: MetaKey, to: Register) -> Expression {
    Expressions::Meta(vec![Meta::Key(key), Meta::DestinationRegister(to)]).into()
}

/// Sets a fact about the frame.
pub(super) fn set_meta(key: MetaKey, from: Register) -> Expression {
    Expressions::Meta(vec![Meta::Key(key), Meta::SourceRegister(from)]).into()
}

/// Loads octets of the frame.
pub(super) fn load(base: Base, offset: u32, length: u32, to: Register) -> Expression {
    Expressions::Payload(vec![
        Payload::DestinationRegister(to),
        Payload::Base(base as u32),
        Payload::Offset(offset),
        Payload::Len(length),
    ])
    .into()
}

/// Writes octets of the frame.
pub(super) fn store(from: Register, base: Base, offset: u32, length: u32, fixup: Fixup) -> Expression {
    let (kind, at, flags) = match fixup {
        Fixup::None => (ChecksumType::None, 0, ChecksumFlags::empty()),
        Fixup::At(offset) => (ChecksumType::Inet, offset, ChecksumFlags::empty()),
        Fixup::PseudoHeader => (ChecksumType::None, 0, ChecksumFlags::L4PseudoHeader),
    };
    Expressions::Payload(vec![
        Payload::SourceRegister(from),
        Payload::Base(base as u32),
        Payload::Offset(offset),
        Payload::Len(length),
        Payload::CsumType(kind),
        Payload::CsumOffset(at),
        Payload::CsumFlags(flags),
    ])
    .into()
}

/// Goes on with the rule only if the register holds this.
pub(super) fn equal(register: Register, value: &[u8]) -> Expression {
    compare(register, Operator::Equal, value)
}

/// Goes on only if the register holds something else.
pub(super) fn unequal(register: Register, value: &[u8]) -> Expression {
    compare(register, Operator::NotEqual, value)
}

/// Goes on only if the register holds this or more.
pub(super) fn at_least(register: Register, value: &[u8]) -> Expression {
    compare(register, Operator::GreatherThanEqual, value)
}

/// Goes on only if the register holds this or less.
pub(super) fn at_most(register: Register, value: &[u8]) -> Expression {
    compare(register, Operator::LessThanEqual, value)
}

fn compare(register: Register, operator: Operator, value: &[u8]) -> Expression {
    let value = Cmp::Data(DataAttribute::Value(value.to_vec()));
    Expressions::Cmp(vec![Cmp::SourceRegister(register), Cmp::Op(operator), value]).into()
}

/// Goes on only if the key that begins in the register is in the set.
pub(super) fn found(set: &str, key: Register) -> Expression {
    Expressions::Lookup(vec![Lookup::Set(set.into()), Lookup::SourceRegister(key)]).into()
}

/// Goes on only if it is not.
pub(super) fn missing(set: &str, key: Register) -> Expression {
    let lookup = vec![Lookup::Set(set.into()), Lookup::SourceRegister(key), Lookup::Flags(LOOKUP_INVERTED)];
    Expressions::Lookup(lookup).into()
}

/// Goes on only if the key is in the map, with what it maps to in `to`.
pub(super) fn mapped(map: &str, key: Register, to: Register) -> Expression {
    let lookup = vec![Lookup::Set(map.into()), Lookup::SourceRegister(key), Lookup::DestinationRegister(to)];
    Expressions::Lookup(lookup).into()
}

/// Puts a constant into a register.
pub(super) fn constant(value: &[u8], to: Register) -> Expression {
    let data = Immediate::Data(DataAttribute::Value(value.to_vec()));
    Expressions::Immediate(vec![Immediate::DestinationRegister(to), data]).into()
}

fn verdict(verdict: Vec<VerdictAttribute>) -> Expression {
    let data = Immediate::Data(DataAttribute::Verdict(verdict));
    Expressions::Immediate(vec![Immediate::DestinationRegister(Register::Verdict), data]).into()
}

/// Ends the frame's life.
pub(super) fn drop_frame() -> Expression {
    verdict(vec![VerdictAttribute::Code(Verdict::Other(NF_DROP))])
}

/// Leaves the chain.
pub(super) fn leave() -> Expression {
    verdict(vec![VerdictAttribute::Code(Verdict::Return)])
}

/// Goes through another chain first.
pub(super) fn jump(chain: &str) -> Expression {
    verdict(vec![VerdictAttribute::Code(Verdict::Jump), VerdictAttribute::Chain(chain.into())])
}
