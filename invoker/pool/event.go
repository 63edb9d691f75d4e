package pool

// An Event is something that happened.
type Event interface{ event() }

// The events.
type (
	// Arrived: a job wants to run.
	Arrived struct{ Job Job }
	// Started: the container's process was started and the container can be initialized.
	Started struct{ Container int }
	// StartFailed: the container could not be made; nothing of it is left.
	StartFailed struct {
		Container int
		Err       error
	}
	// Finished: a job has ended and its slot is free. Without Keep the container is not to be used again.
	Finished struct {
		Container int
		Keep      bool
	}
	// Returned: the job did not start in this container, which is not to be used again; it wants another one.
	Returned struct {
		Container int
		Job       Job
	}
	// Died: the container's process ended while no job was running in it.
	Died struct{ Container int }
	// Removed: nothing of the container is left.
	Removed struct{ Container int }
	// Withdrawn: a job that may be waiting is not wanted any more.
	Withdrawn struct{ Job Job }
	// Tick: time has passed.
	Tick struct{}
	// Drain: no job is taken any more; waiting ones are handed back, unused containers go.
	Drain struct{}
)

func (Arrived) event()     {}
func (Started) event()     {}
func (StartFailed) event() {}
func (Finished) event()    {}
func (Returned) event()    {}
func (Died) event()        {}
func (Removed) event()     {}
func (Withdrawn) event()   {}
func (Tick) event()        {}
func (Drain) event()       {}

// A Command is something to do.
type Command interface{ command() }

// The commands.
type (
	// Create: make a container; answer with Started or StartFailed.
	Create struct {
		Container   int
		Kind, Image string
		Memory      int // MB
		// For is the action that caused it; zero for a stem cell.
		For Key
		// Expecting is the action whose next call the stem cell is made for, zero
		// when it is for whatever comes.
		Expecting Action
	}
	// Run: run the job in the container; answer with Finished or Returned.
	Run struct {
		Container int
		Job       Job
		// Init says that the container must be initialized for the job's action first.
		Init bool
		// Resume says that the container is paused.
		Resume bool
		// Start says where the container came from.
		Start Start
		// Reason says why it was not a warm one.
		Reason Reason
	}
	// Pause: pause the container. A Run or Remove may follow at once; the shell keeps their order.
	Pause struct{ Container int }
	// Remove: remove the container, whatever it does; answer with Removed.
	Remove struct {
		Container int
		Why       string
	}
	// Fail: the job cannot run, because of Err.
	Fail struct {
		Job Job
		Err error
	}
	// Refuse: as many jobs wait as may.
	Refuse struct{ Job Job }
	// HandBack: the pool is draining; somebody else should run the job.
	HandBack struct{ Job Job }
)

func (Create) command()   {}
func (Run) command()      {}
func (Pause) command()    {}
func (Remove) command()   {}
func (Fail) command()     {}
func (Refuse) command()   {}
func (HandBack) command() {}

// A Start says how warm the container was that a job got.
type Start int

// The ways to get a container.
const (
	Warm      Start = iota // initialized before, for the same action
	Prewarmed              // a stem cell that was made ready for this action's call
	Stemmed                // another stem cell
	Cold                   // made for the job
)

var startNames = [...]string{"warm", "prewarmed", "stem", "cold"}

func (s Start) String() string { return startNames[s] }

// MarshalText is that of encoding.TextMarshaler.
func (s Start) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
