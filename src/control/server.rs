//! Accepting clients: not too many, and only those who may.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::protocol::{Trouble, TroubleKind};
use super::service::Service;
use super::session::{self, trouble_line};
use super::socket::{Admission, Listener};

/// Clients at one time; fewer of them may follow events.
pub(super) const CLIENTS: usize = 32;

/// How long to wait when no client can be accepted, for instance because there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves clients until it is dropped. Fails only if the socket cannot be used at all.
pub async fn serve(listener: Listener, service: Arc<Service>) -> io::Result<()> {
    let (socket, admission, _file) = listener.into_parts();
    socket.set_nonblocking(true)?;
    let socket = UnixListener::from_std(socket)?;
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let stream = match socket.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no client can be accepted on the control socket");
                sleep(PAUSE).await;
                continue;
            }
        };
        if let Some(trouble) = turned_away(&stream, admission) {
            dismiss(stream, &trouble);
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            let text = format!("{CLIENTS} clients are connected already; try again when one has left");
            dismiss(stream, &Trouble::new(TroubleKind::Daemon, text));
            continue;
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            session::run(stream, &service).await;
            drop(place);
        });
    }
}

/// Why a client may not connect.
fn turned_away(stream: &UnixStream, admission: Admission) -> Option<Trouble> {
    let text = match stream.peer_cred() {
        Ok(peer) if admission.admits(peer) => return None,
        Ok(peer) => format!(
            "user {} may not talk to this daemon: root may, and members of the group that the configuration \
             names in `control-group`",
            peer.uid()
        ),
        Err(error) => format!("the kernel does not say who you are: {error}"),
    };
    tracing::warn!("refused a client on the control socket: {text}");
    Some(Trouble::new(TroubleKind::Denied, text))
}

/// Says why, without waiting, and hangs up.
fn dismiss(mut stream: UnixStream, trouble: &Trouble) {
    let line = trouble_line(trouble);
    // A new socket's buffer has room for one line; whoever cannot take even that gets none.
    let _ = stream.try_write(line.as_bytes());
    tokio::spawn(async move { stream.shutdown().await });
}
