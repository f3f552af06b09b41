//! Progress of a command: lines that redraw themselves on a terminal, a plain line at intervals in
//! CI or where standard error is no terminal, and nothing if the command is quiet.

mod view;

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use view::ProgressView;

use jwtbench_engine::real::clock::Stopwatch;
use jwtbench_engine::real::live_view::LiveView;
use jwtbench_engine::session::SessionObserver;
use jwtbench_report::shown;
use jwtbench_scenario::plan::Minting;

use super::output::tell;

/// The time between two redraws on a terminal.
const REDRAW: Duration = Duration::from_millis(200);
/// The time between two lines elsewhere.
const REPEAT: Duration = Duration::from_secs(5);

/// The progress of a long run, as a person sees it.
pub struct LiveProgress {
    screen: Arc<Screen>,
    ticker: Option<Ticker>,
}

/// The place where progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProgressPlace {
    Nowhere,
    Terminal,
    Lines,
}

struct Screen {
    place: ProgressPlace,
    watch: LiveView,
    bars: MultiProgress,
    bar: ProgressBar,
    state: Mutex<ProgressState>,
}

/// The latest state that the command reported.
#[derive(Default)]
struct ProgressState {
    done: u64,
    steps: u64,
    message: String,
    lasting: Option<Duration>,
    foreseen: Option<Foreseen>,
}

/// The predicted time of the rest of the command.
struct Foreseen {
    /// The time after the current step.
    rest: Duration,
    /// The time of the current step.
    step: Duration,
    since: Stopwatch,
}

/// A thread that draws until it is dropped.
struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveProgress {
    /// Progress over `steps` rounds.
    pub fn new(steps: u64, quiet: bool) -> LiveProgress {
        let is_seen = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let place = match (quiet, is_seen) {
            (true, _) => ProgressPlace::Nowhere,
            (false, true) => ProgressPlace::Terminal,
            (false, false) => ProgressPlace::Lines,
        };
        let target = match place {
            ProgressPlace::Terminal => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bars = MultiProgress::with_draw_target(target);
        let bar = bars.add(ProgressBar::new_spinner());
        bar.set_style(style("{msg}"));
        let state = Mutex::new(ProgressState { steps, ..ProgressState::default() });
        let screen = Arc::new(Screen { place, watch: LiveView::default(), bars, bar, state });
        let ticker = match place {
            ProgressPlace::Nowhere => None,
            ProgressPlace::Terminal => Some(Ticker::start(&screen, REDRAW)),
            ProgressPlace::Lines => Some(Ticker::start(&screen, REPEAT)),
        };
        LiveProgress { screen, ticker }
    }

    /// Sets the warm-up and measured time of all rounds together, which the remaining time is
    /// derived from.
    pub fn will_last(&self, lasting: Duration) {
        self.screen.say(|state| state.lasting = Some(lasting));
    }

    /// Sets the predicted time of the step that begins, and of the rest after it. From now on the
    /// remaining time is derived from these.
    pub fn foresee(&self, rest: Duration, step: Duration) {
        let since = Stopwatch::start();
        self.screen.say(|state| state.foreseen = Some(Foreseen { rest, step, since }));
    }

    /// Counts one round as done.
    pub fn step(&self) {
        self.skip(1);
    }

    /// Ends the progress, and clears it from the terminal.
    pub fn finish(mut self) {
        self.ticker = None;
        self.screen.bar.finish_and_clear();
    }
}

impl Screen {
    fn say(&self, change: impl FnOnce(&mut ProgressState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn draw(&self) {
        let view = self.view();
        match self.place {
            ProgressPlace::Nowhere => {}
            ProgressPlace::Terminal => {
                // The last column stays free: some terminals wrap when it is written.
                let width = rustix::termios::tcgetwinsize(std::io::stderr())
                    .map_or(80, |size| usize::from(size.ws_col));
                let lines = view.lines(width.max(2) - 1).join("\n");
                self.bar.set_message(shown::lines(&lines));
                self.bar.tick();
            }
            ProgressPlace::Lines => tell(view.line()),
        }
    }

    fn view(&self) -> ProgressView {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ProgressState { done, steps, ref message, lasting, ref foreseen } = *state;
        let left = match foreseen {
            Some(Foreseen { rest, step, since }) => {
                Some(*rest + step.saturating_sub(since.elapsed()))
            }
            // The work after the last round is not part of the prediction.
            None => lasting
                .map(|lasting| lasting.saturating_sub(self.watch.passed()))
                .filter(|left| !left.is_zero()),
        };
        ProgressView { done, steps, message: message.clone(), left, look: self.watch.look() }
    }
}

impl Ticker {
    fn start(screen: &Arc<Screen>, period: Duration) -> Ticker {
        let (stop, stopped) = bounded::<()>(0);
        let screen = Arc::clone(screen);
        let draw = move || {
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                screen.draw();
            }
        };
        // If no thread can be started, there is no progress, and the run is not affected.
        let thread = std::thread::Builder::new().name("progress".into()).spawn(draw).ok();
        Ticker { stop: Some(stop), thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic while drawing was already printed.
            _ = thread.join();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl SessionObserver for LiveProgress {
    fn say(&self, message: String) {
        self.screen.say(|state| state.message = message);
    }

    /// A callback that shows a separate bar while tokens are signed.
    fn minting(&self) -> Box<dyn Fn(Minting) + Sync> {
        let bar = self.screen.bars.add(ProgressBar::new(0));
        bar.set_style(style("{bar:24} {pos}/{len} tokens signed"));
        Box::new(move |minting| match minting {
            Minting::Begin(count) => bar.set_length(count),
            Minting::One => {
                bar.inc(1);
                if bar.position() == bar.length().unwrap_or(0) {
                    bar.finish_and_clear();
                }
            }
        })
    }

    fn live_view(&self) -> Option<&LiveView> {
        (self.screen.place != ProgressPlace::Nowhere).then_some(&self.screen.watch)
    }

    fn rounds(&self, count: u64, lasting: Duration) {
        self.screen.watch.pass(lasting);
        self.skip(count);
    }

    fn skip(&self, count: u64) {
        self.screen.say(|state| state.done += count);
    }
}
