//! Ctrl-\\ (SIGQUIT), which no safe library that is used here can watch: without this it would end the process at once, and leave a
//! half-made clone and the git that makes it behind.
//!
//! Setting a handler is `unsafe` because it may interrupt anything, a call of `malloc` for instance. Ours does nothing but
//! raise another signal, which POSIX lists among what a handler may do (`signal-safety(7)`), and holds no state.
#![allow(unsafe_code, reason = "argued above")]

/// From now on SIGQUIT is taken as SIGTERM, whatever that does, unless whoever started the process has it ignored.
#[cfg(unix)]
pub(super) fn take_as_termination() {
    extern "C" fn terminate(_: libc::c_int) {
        // SAFETY: `raise` is async-signal-safe and takes any number.
        unsafe { libc::raise(libc::SIGTERM) };
    }
    let handler = terminate as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler is a function of the type that is called for, and does what handlers may, see the module's first lines.
    unsafe {
        if libc::signal(libc::SIGQUIT, handler) == libc::SIG_IGN {
            libc::signal(libc::SIGQUIT, libc::SIG_IGN);
        }
    }
}

#[cfg(not(unix))]
pub(super) fn take_as_termination() {}
