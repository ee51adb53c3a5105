//! Programs and maps for the kernel's packet virtual machine. Linux include/uapi/linux/bpf.h.
//!
//! Nothing here is pinned: everything lasts as long as its last descriptor.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::c_int;

/// Commands of bpf(2).
const MAP_CREATE: c_int = 0;
const MAP_UPDATE_ELEM: c_int = 2;
const MAP_DELETE_ELEM: c_int = 3;
const PROG_LOAD: c_int = 5;
const LINK_CREATE: c_int = 28;

const MAP_TYPE_HASH: u32 = 1;
/// An entry that is replaced stays as it was for whoever still reads it.
const NO_PREALLOC: u32 = 1;
const PROG_TYPE_SCHED_CLS: u32 = 3;
const TCX_INGRESS: u32 = 46;
/// In front of all the others, of whom any could end the matter.
const BEFORE: u32 = 1 << 3;

/// `BPF_OBJ_NAME_LEN`, the final zero included.
const NAME: usize = 16;

/// One instruction of the virtual machine, `struct bpf_insn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    constant: i32,
}

impl Instruction {
    /// Puts it together; of the registers the low four bits count.
    pub const fn new(code: u8, to: u8, from: u8, offset: i16, constant: i32) -> Self {
        // Two fields of four bits, in the order in which the machine's compilers lay out bit fields.
        let registers =
            if cfg!(target_endian = "little") { from << 4 | to & 0xf } else { to << 4 | from & 0xf };
        Instruction { code, registers, offset, constant }
    }
}

/// A hash map with keys of `K` octets and values of `V`.
#[derive(Debug)]
pub struct BpfMap<const K: usize, const V: usize>(OwnedFd);

impl<const K: usize, const V: usize> BpfMap<K, V> {
    /// Makes one with room for so many entries.
    pub fn new(label: &str, room: u32) -> io::Result<Self> {
        #[repr(C)]
        struct Attributes {
            map_type: u32,
            key_size: u32,
            value_size: u32,
            max_entries: u32,
            map_flags: u32,
            inner_map: u32,
            numa_node: u32,
            name: [u8; NAME],
        }
        let attributes = Attributes {
            map_type: MAP_TYPE_HASH,
            key_size: K as u32,
            value_size: V as u32,
            max_entries: room,
            map_flags: NO_PREALLOC,
            inner_map: 0,
            numa_node: 0,
            name: name(label),
        };
        // SAFETY: the attributes point nowhere, and the kernel answers with a new descriptor.
        unsafe { call(MAP_CREATE, &attributes).map(|map| BpfMap(OwnedFd::from_raw_fd(map))) }
    }

    /// Sets an entry, as one step for whoever reads it.
    pub fn set(&self, key: &[u8; K], value: &[u8; V]) -> io::Result<()> {
        // SAFETY: key and value have the lengths that the map was made with.
        unsafe { self.change(MAP_UPDATE_ELEM, key, value.as_ptr()) }
    }

    /// Removes an entry; `NotFound` if there is none.
    pub fn remove(&self, key: &[u8; K]) -> io::Result<()> {
        // SAFETY: the key has the length that the map was made with, and a removal reads no value.
        unsafe { self.change(MAP_DELETE_ELEM, key, std::ptr::null()) }
    }

    /// # Safety
    /// `value` must be valid for reading at `V` octets where the command reads one.
    unsafe fn change(&self, command: c_int, key: &[u8; K], value: *const u8) -> io::Result<()> {
        #[repr(C)]
        struct Attributes {
            map: u32,
            padding: u32,
            key: u64,
            value: u64,
            flags: u64,
        }
        let attributes = Attributes {
            map: number(self.0.as_raw_fd()),
            padding: 0,
            key: key.as_ptr() as u64,
            value: value as u64,
            flags: 0,
        };
        // SAFETY: by this function's contract, with `key` being a valid reference.
        unsafe { call(command, &attributes) }?;
        Ok(())
    }

    /// Its descriptor's number, by which a program names it.
    pub fn number(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// Loads a classifier of traffic control. What is wrong with it the kernel calls an invalid argument or a denied
/// permission.
pub fn load_classifier(label: &str, code: &[Instruction]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        program_type: u32,
        count: u32,
        code: u64,
        licence: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel_version: u32,
        flags: u32,
        name: [u8; NAME],
    }
    let licence: &CStr = c"Dual MIT/GPL";
    let count = u32::try_from(code.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let attributes = Attributes {
        program_type: PROG_TYPE_SCHED_CLS,
        count,
        code: code.as_ptr() as u64,
        licence: licence.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name: name(label),
    };
    // SAFETY: code and licence outlive the call and have the lengths that the kernel is told, and it answers with a
    // new descriptor. What the program does it has proven to be harmless, or refuses it.
    unsafe { call(PROG_LOAD, &attributes).map(|program| OwnedFd::from_raw_fd(program)) }
}

/// Lets a classifier see every frame that arrives on an interface, before any other does, until the returned descriptor is closed.
pub fn attach_to_ingress(program: impl AsFd, interface: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        program: u32,
        interface: u32,
        attach_type: u32,
        flags: u32,
        beside: u32,
        padding: u32,
        revision: u64,
    }
    let attributes = Attributes {
        program: number(program.as_fd().as_raw_fd()),
        interface,
        attach_type: TCX_INGRESS,
        flags: BEFORE,
        beside: 0,
        padding: 0,
        revision: 0,
    };
    // SAFETY: the attributes point nowhere, and the kernel answers with a new descriptor.
    unsafe { call(LINK_CREATE, &attributes).map(|link| OwnedFd::from_raw_fd(link)) }
}

/// # Safety
/// Whatever the attributes point to must be valid as the command wants it during the call.
unsafe fn call<Attributes>(command: c_int, attributes: &Attributes) -> io::Result<RawFd> {
    let size = size_of::<Attributes>();
    // SAFETY: by this function's contract; the kernel reads `size` octets of the attributes themselves.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    RawFd::try_from(result).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// A name of an object, as much of it as there is room for.
fn name(label: &str) -> [u8; NAME] {
    let mut name = [0; NAME];
    for (place, octet) in name[..NAME - 1].iter_mut().zip(label.bytes()) {
        *place = octet;
    }
    name
}

/// Descriptors are never negative.
fn number(descriptor: RawFd) -> u32 {
    descriptor.unsigned_abs()
}

/// Runs a classifier on one frame, as if it had arrived on the loopback interface of this namespace; returns its
/// verdict.
#[cfg(test)]
pub fn try_classifier(program: impl AsFd, frame: &[u8]) -> io::Result<i32> {
    const PROG_TEST_RUN: c_int = 10;
    #[repr(C)]
    struct Attributes {
        program: u32,
        verdict: u32,
        length: u32,
        room: u32,
        frame: u64,
        out: u64,
        repeat: u32,
        duration: u32,
    }
    let length = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut attributes = Attributes {
        program: number(program.as_fd().as_raw_fd()),
        verdict: 0,
        length,
        room: 0,
        frame: frame.as_ptr() as u64,
        out: 0,
        repeat: 1,
        duration: 0,
    };
    let size = size_of::<Attributes>();
    // SAFETY: the frame has the length that the kernel is told; it writes into the attributes only.
    let result = unsafe { libc::syscall(libc::SYS_bpf, PROG_TEST_RUN, &raw mut attributes, size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(attributes.verdict.cast_signed()) }
}
