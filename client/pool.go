package client

import "time"

// A Pool is a picture of an invoker's containers. OpenWhisk has nothing like it.
type Pool struct {
	Time time.Time `json:"time"`
	// Memory is the bound, Used what all containers have, StemMemory and Stems
	// likewise for stem cells alone; in MB.
	Memory     int             `json:"memory"`
	Used       int             `json:"used"`
	StemMemory int             `json:"stemMemory"`
	Stems      int             `json:"stems"`
	States     map[string]int  `json:"states"`
	Containers []PoolContainer `json:"containers"`
	Waiting    []PoolWaiting   `json:"waiting"`
	Counters   PoolCounters    `json:"counters"`
}

// A PoolContainer is one of a Pool.
type PoolContainer struct {
	ID        int       `json:"id"`
	State     string    `json:"state"`
	Kind      string    `json:"kind"`
	Image     string    `json:"image,omitempty"`
	Memory    int       `json:"memory"` // MB
	Namespace string    `json:"namespace,omitempty"`
	Action    string    `json:"action,omitempty"`
	Revision  string    `json:"revision,omitempty"`
	Expecting string    `json:"expecting,omitempty"` // the action whose call a stem cell was made for
	Start     string    `json:"start,omitempty"`     // where its first call got it from
	Reason    string    `json:"reason,omitempty"`    // why that found no warm one
	Made      time.Time `json:"made"`
	Used      time.Time `json:"used"`
	Running   int       `json:"running"`
	Served    int       `json:"served"`
}

// PoolWaiting is an action with calls that have no container.
type PoolWaiting struct {
	Namespace string `json:"namespace"`
	Action    string `json:"action"`
	Jobs      int    `json:"jobs"`
}

// PoolCounters count what has happened since the invoker began.
type PoolCounters struct {
	Warm            int            `json:"warm"`
	Prewarmed       int            `json:"prewarmed"`
	Stem            int            `json:"stem"`
	Cold            int            `json:"cold"`
	Reasons         map[string]int `json:"reasons"`
	Evictions       int            `json:"evictions"`
	Expirations     int            `json:"expirations"`
	PrewarmedUsed   int            `json:"prewarmedUsed"`
	PrewarmedTaken  int            `json:"prewarmedTaken"`
	PrewarmedUnused int            `json:"prewarmedUnused"`
	PrewarmedNoRoom int            `json:"prewarmedNoRoom"`
}
