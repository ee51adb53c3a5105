//! Signals and scheduling.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use libc::c_int;

use super::check;

/// Ignores a signal from now on.
pub fn ignore_signal(signal: c_int) {
    // SAFETY: ignoring installs no handler: no code of ours runs in signal context.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// The thread that is demoted when the process has used up its real-time allowance; 0: none.
static REAL_TIME_THREAD: AtomicI32 = AtomicI32::new(0);
/// How often that happened.
static DEMOTIONS: AtomicU32 = AtomicU32::new(0);

/// Schedules the calling thread round-robin at a real-time priority. Its children begin at none.
pub fn set_round_robin(priority: u8) -> io::Result<()> {
    set_policy(0, libc::SCHED_RR, priority.into())
}

/// From now on the calling thread is put back to ordinary scheduling by SIGXCPU: the kernel sends that when
/// real-time threads have used `RLIMIT_RTTIME` without ever waiting.
pub fn demote_on_excess() -> io::Result<()> {
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    REAL_TIME_THREAD.store(thread, Ordering::Relaxed);
    // SAFETY: a sigaction is plain data for which all zeros are valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = on_excess as extern "C" fn(c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is valid, and the handler does only what a signal handler may: atomics and one bare
    // system call, with `errno` restored.
    check(unsafe { libc::sigaction(libc::SIGXCPU, &raw const action, std::ptr::null_mut()) })?;
    Ok(())
}

/// How often a thread was put back to ordinary scheduling.
pub fn demotions() -> u32 {
    DEMOTIONS.load(Ordering::Relaxed)
}

extern "C" fn on_excess(_signal: c_int) {
    // SAFETY: the location of the calling thread's errno is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved = unsafe { *errno };
    let thread = REAL_TIME_THREAD.load(Ordering::Relaxed);
    if thread != 0 && set_policy(thread, libc::SCHED_OTHER, 0).is_ok() {
        DEMOTIONS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// The bare system call: the C library's function of that name does nothing in some of them, and only this
/// may be called in a signal handler.
fn set_policy(thread: c_int, policy: c_int, priority: c_int) -> io::Result<()> {
    #[repr(C)]
    struct Parameter {
        priority: c_int,
    }
    let parameter = Parameter { priority };
    // SAFETY: `parameter` is the kernel's sched_param and outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            thread,
            policy | libc::SCHED_RESET_ON_FORK,
            &raw const parameter,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
