//! The fetcher: a thread that makes attempts over HTTP, acts on the key cache's deadlines, and
//! prepares keys apart from the workers. It ends when it is dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use jwtbench_verifier::key_cache::{Fetch, FetchId};
use jwtbench_verifier::tick::Tick;

use super::body_budget::{BodyBudget, MAX_BODIES};
use super::caches::Caches;
use super::endpoint::KEY_SET_PATH;
use super::host_fault::HostFaults;
use super::http::{self, FetchFault, Fetched};
use super::key_source::Transport;

/// The scenario clock, as far as the fetcher needs it.
pub type Now = Arc<dyn Fn() -> Tick + Send + Sync>;

enum FetchCommand {
    Fetch(Fetch),
    Evict(String),
    DeadlineMoved,
    Stop,
}

/// The sending end of a fetcher. The key cache bounds its queue: one attempt per flight.
#[derive(Clone)]
pub struct HttpTransport {
    commands: UnboundedSender<FetchCommand>,
}

/// A fetcher that does not run yet: the receiving end.
pub struct Idle(UnboundedReceiver<FetchCommand>);

/// A running fetcher.
pub struct Fetcher {
    commands: UnboundedSender<FetchCommand>,
    thread: Option<JoinHandle<()>>,
}

impl HttpTransport {
    /// Makes both ends of a fetcher.
    pub fn new() -> (HttpTransport, Idle) {
        let (commands, receiver) = unbounded_channel();
        (HttpTransport { commands }, Idle(receiver))
    }
}

impl Transport for HttpTransport {
    fn start(&self, fetch: Fetch) {
        // A fetcher that has stopped makes no attempts; its trial is over.
        _ = self.commands.send(FetchCommand::Fetch(fetch));
    }

    fn deadline_moved(&self) {
        _ = self.commands.send(FetchCommand::DeadlineMoved);
    }
}

impl Idle {
    /// Starts the thread. An attempt that a limit of this host ends is noted in `host`, and is not
    /// reported to the caches.
    ///
    /// # Errors
    /// If the system gives no thread or no event queue.
    pub fn run(
        self,
        transport: &HttpTransport,
        caches: Arc<Caches>,
        endpoint: SocketAddr,
        (now, host): (Now, HostFaults),
    ) -> std::io::Result<Fetcher> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("fetcher".into()).spawn(move || {
            runtime.block_on(serve(self.0, &caches, endpoint, (&now, &host)));
        })?;
        Ok(Fetcher { commands: transport.commands.clone(), thread: Some(thread) })
    }
}

impl Fetcher {
    /// Makes the key caches drop everything under `kid`.
    pub fn evict(&self, kid: String) {
        _ = self.commands.send(FetchCommand::Evict(kid));
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        _ = self.commands.send(FetchCommand::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; the trial's figures show the missing fetches.
            _ = thread.join();
        }
    }
}

async fn serve(
    mut commands: UnboundedReceiver<FetchCommand>,
    caches: &Caches,
    endpoint: SocketAddr,
    (now, host): (&Now, &HostFaults),
) {
    let bodies = BodyBudget::new(MAX_BODIES);
    let mut attempts: JoinSet<(FetchId, Result<Fetched, FetchFault>)> = JoinSet::new();
    loop {
        let deadline = caches.next_deadline();
        let pause = deadline.map(|deadline| deadline.since(now()));
        tokio::select! {
            command = commands.recv() => match command {
                Some(FetchCommand::Fetch(fetch)) => {
                    let bodies = Arc::clone(&bodies);
                    attempts.spawn(async move {
                        (fetch.id, http::get(endpoint, KEY_SET_PATH, &fetch, &bodies).await)
                    });
                }
                Some(FetchCommand::Evict(kid)) => caches.evict(&kid, now()),
                Some(FetchCommand::DeadlineMoved) => {}
                Some(FetchCommand::Stop) | None => return,
            },
            Some(Ok((id, reply))) = attempts.join_next() => match reply {
                // The share is given back once the document has been read.
                Ok(Fetched { document, share: _share }) => {
                    caches.complete(id, Ok(document), || now());
                }
                Err(FetchFault::Failed(failure)) => caches.complete(id, Err(failure), || now()),
                Err(FetchFault::Host(fault)) => host.note(fault),
            },
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {
                caches.tick(now());
            }
        }
    }
}
