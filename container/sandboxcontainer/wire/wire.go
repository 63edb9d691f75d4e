// Package wire is what the sandbox factory and its launcher say to each other.
//
// The two are processes of one program at one version: the factory starts the
// launcher (cmd/quirl-sandbox) as its child and hands it one end of a
// SOCK_SEQPACKET socket pair as file descriptor SocketFD. Each packet is one
// Message in JSON; file descriptors travel beside it. The socket is also the
// life line: when it reaches its end, the launcher removes everything it made
// and exits, whatever killed the factory.
package wire

// SocketFD is the launcher's end of the socket pair.
const SocketFD = 3

// A Message is one packet. Requests carry an ID that their reply repeats;
// events carry none.
type Message struct {
	ID uint64 `json:"id,omitempty"`

	// Exactly one of these is set in a request.
	Setup  *Setup  `json:"setup,omitempty"`
	Create *Create `json:"create,omitempty"`
	Start  *Start  `json:"start,omitempty"`
	Listen *Listen `json:"listen,omitempty"`
	Dial   *Dial   `json:"dial,omitempty"`
	Show   *Show   `json:"show,omitempty"`
	Remove *Remove `json:"remove,omitempty"`

	// At most one of these is set in a reply; an empty reply means done.
	Failure *Failure `json:"failure,omitempty"`
	Ready   *Ready   `json:"ready,omitempty"`
	Shell   *Shell   `json:"shell,omitempty"`

	// Exited is the one event, and what the reply to Remove carries.
	Exited *Exited `json:"exited,omitempty"`
}

// Setup is the first request of a connection. The launcher takes the
// instance's lock, removes what a dead predecessor left and makes the network.
type Setup struct {
	Instance    string   `json:"instance"`
	Dir         string   `json:"dir"`     // of the instance, searchable by others (0711)
	Network     string   `json:"network"` // "nat" or "none"
	Blocked     []string `json:"blocked,omitempty"`
	Nameservers []string `json:"nameservers,omitempty"`
	CgroupRoot  string   `json:"cgroup_root"` // parent of the instance's cgroups
	WaitSeconds int      `json:"wait_seconds"`
}

// Ready answers Setup: what this machine and user can do.
type Ready struct {
	Rootless bool     `json:"rootless"`
	Cgroups  bool     `json:"cgroups"` // limits and the freezer work
	Network  string   `json:"network"` // what there is: "nat", "pasta" or "none"
	Removed  int      `json:"removed"` // containers of a dead predecessor
	Warnings []string `json:"warnings,omitempty"`
}

// Create makes a shell. Three file descriptors come with it: the listening
// socket, and the write ends of standard output and standard error.
type Create struct {
	Box string `json:"box"`
	// Rootfs is a folder with all points to mount on. With Image, the folder of an
	// unpacked one, it is laid over that.
	Rootfs string `json:"rootfs"`
	Image  string `json:"image,omitempty"`
	// Foreign says that the program has a server of its own: it gets no socket, and
	// may write everywhere in its root, to memory.
	Foreign bool     `json:"foreign,omitempty"`
	Dir     string   `json:"dir,omitempty"` // where the program starts; default /tmp
	Mounts  []Mount  `json:"mounts,omitempty"`
	Command []string `json:"command"`
	Env     []string `json:"env,omitempty"`
	Pids    int      `json:"pids"`
	TmpSize int64    `json:"tmp_size"`
	// Ahead says that nobody waits: the shell is made at low priority.
	Ahead bool `json:"ahead,omitempty"`
}

// A Mount shows Source read-only at Target.
type Mount struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// Shell answers Create.
type Shell struct {
	Pid int `json:"pid"`
	// Cgroups maps controllers to folders; cgroup v2 has the one key "".
	Cgroups map[string]string `json:"cgroups,omitempty"`
	Address string            `json:"address,omitempty"`
	HostUID int               `json:"host_uid"`
}

// Start releases a shell with these limits.
type Start struct {
	Box       string `json:"box"`
	Memory    int64  `json:"memory"`
	CPUShares int    `json:"cpu_shares"`
	TmpSize   int64  `json:"tmp_size"`
}

// Listen opens a socket that listens on the loopback address of a box's own
// network; its file descriptor comes with the reply.
type Listen struct {
	Box  string `json:"box"`
	Port int    `json:"port"`
}

// Dial connects to a port on the loopback address of a box's own network; the
// file descriptor of the connection comes with the reply. It waits a moment for
// somebody to listen there, see Failure.Refused.
type Dial struct {
	Box  string `json:"box"`
	Port int    `json:"port"`
}

// Show mounts a folder of the host at Target of a running box, with a layer of at
// most TmpSize bytes in memory over it, which takes what the box writes there.
type Show struct {
	Box     string `json:"box"`
	Folder  string `json:"folder"`
	Target  string `json:"target"`
	TmpSize int64  `json:"tmp_size"`
}

// Remove kills a box and gives everything back. It may come at any time.
type Remove struct {
	Box string `json:"box"`
}

// Failure answers a request that failed.
type Failure struct {
	Text string `json:"text"`
	// NoCommand says that the program does not exist in the box.
	NoCommand bool `json:"no_command,omitempty"`
	// Gone says that the box is not there, or that its process has ended.
	Gone bool `json:"gone,omitempty"`
	// Refused says that nobody listens on a port yet.
	Refused bool `json:"refused,omitempty"`
}

// Exited tells that the first process of a box ended.
type Exited struct {
	Box         string `json:"box"`
	Code        int    `json:"code"`
	OutOfMemory bool   `json:"out_of_memory,omitempty"`
}
