//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

// A server answers the factory's requests, each in its own goroutine.
type server struct {
	conn *wire.Conn
	log  *slog.Logger
	busy sync.WaitGroup

	host *host // set by the first request, before any other is read
	mu   sync.Mutex
	// boxes holds nil while a box is being made, so that a name is taken at once.
	boxes map[string]*box
}

func newServer(conn *wire.Conn, log *slog.Logger) *server {
	return &server{conn: conn, log: log, boxes: make(map[string]*box)}
}

// receive works until the socket ends, for whatever reason.
func (s *server) receive() error {
	for {
		m, files, err := s.conn.Receive()
		if err != nil {
			return err
		}
		if m.Setup != nil {
			s.reply(m.ID, s.setup(m.Setup))
			continue
		}
		s.busy.Add(1)
		go func() {
			defer s.busy.Done()
			defer wire.CloseFiles(files)
			switch {
			case m.Listen != nil:
				s.socket(m.ID, m.Listen.Box, func(b *box) (*os.File, error) { return b.listen(m.Listen.Port) })
			case m.Dial != nil:
				s.socket(m.ID, m.Dial.Box, func(b *box) (*os.File, error) { return b.dial(m.Dial.Port) })
			default:
				s.reply(m.ID, s.handle(m, files))
			}
		}()
	}
}

func (s *server) reply(id uint64, m wire.Message, files ...*os.File) {
	m.ID = id
	if err := s.conn.Send(m, files...); err != nil {
		// The factory is gone; receive notices by itself.
		s.log.Debug("reply not sent", "err", err)
	}
}

func (s *server) handle(m wire.Message, files []*os.File) wire.Message {
	switch {
	case s.host == nil:
		return failure(errors.New("request before setup"))
	case m.Create != nil:
		shell, err := s.create(m.Create, files)
		if err != nil {
			return failure(err)
		}
		return wire.Message{Shell: shell}
	case m.Start != nil:
		return s.with(m.Start.Box, func(b *box) error { return b.start(m.Start) })
	case m.Show != nil:
		return s.with(m.Show.Box, func(b *box) error { return b.show(m.Show) })
	case m.Remove != nil:
		return s.remove(m.Remove.Box)
	}
	return failure(errors.New("unknown request; quirl and quirl-sandbox are of different versions"))
}

func (s *server) setup(m *wire.Setup) wire.Message {
	if s.host != nil {
		return failure(errors.New("set up twice"))
	}
	h, ready, err := newHost(m, s.log)
	if err != nil {
		return failure(err)
	}
	s.host = h
	return wire.Message{Ready: ready}
}

func (s *server) create(m *wire.Create, files []*os.File) (*wire.Shell, error) {
	if len(files) != 3 {
		return nil, fmt.Errorf("create came with %d files, want 3", len(files))
	}
	s.mu.Lock()
	_, taken := s.boxes[m.Box]
	if !taken {
		s.boxes[m.Box] = nil
	}
	s.mu.Unlock()
	if taken {
		return nil, fmt.Errorf("box %s exists", m.Box)
	}
	b, err := s.host.newBox(m, files)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.boxes, m.Box)
		return nil, err
	}
	s.boxes[m.Box] = b
	go s.watch(b)
	return b.shell(), nil
}

// watch tells the factory when b's first process has ended.
func (s *server) watch(b *box) {
	<-b.ended
	if err := s.conn.Send(wire.Message{Exited: b.exited()}); err != nil {
		s.log.Debug("exit not sent", "err", err)
	}
}

func (s *server) with(name string, f func(*box) error) wire.Message {
	s.mu.Lock()
	b := s.boxes[name]
	s.mu.Unlock()
	if b == nil {
		return failure(fmt.Errorf("box %s: %w", name, errGone))
	}
	if err := f(b); err != nil {
		return failure(err)
	}
	return wire.Message{}
}

// socket replies with a socket in the network of a box, of which the factory gets
// a copy.
func (s *server) socket(id uint64, name string, open func(*box) (*os.File, error)) {
	var socket *os.File
	reply := s.with(name, func(b *box) (err error) {
		socket, err = open(b)
		return err
	})
	if socket == nil {
		s.reply(id, reply)
		return
	}
	s.reply(id, reply, socket)
	socket.Close()
}

func (s *server) remove(name string) wire.Message {
	s.mu.Lock()
	b := s.boxes[name]
	s.mu.Unlock()
	if b == nil {
		return wire.Message{} // removed before
	}
	if err := b.remove(); err != nil {
		return failure(err)
	}
	s.mu.Lock()
	delete(s.boxes, name)
	s.mu.Unlock()
	return wire.Message{Exited: b.exited()}
}

// close removes all boxes and gives back what the host holds.
func (s *server) close() {
	s.busy.Wait() // boxes that are being made
	var removing sync.WaitGroup
	s.mu.Lock()
	for _, b := range s.boxes {
		removing.Add(1)
		go func() {
			defer removing.Done()
			if err := b.remove(); err != nil {
				s.log.Error("box not removed", "box", b.name, "err", err)
			}
		}()
	}
	s.mu.Unlock()
	removing.Wait()
	if s.host != nil {
		s.host.close()
	}
	s.conn.Close()
}

func failure(err error) wire.Message {
	return wire.Message{Failure: &wire.Failure{
		Text:      err.Error(),
		NoCommand: errors.Is(err, errNoCommand),
		Gone:      errors.Is(err, errGone),
		Refused:   errors.Is(err, unix.ECONNREFUSED),
	}}
}
