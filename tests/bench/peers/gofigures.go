// What both Go programs share: the record, and the figures of operators and
// chats as METRICS has them, means without medians.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sort"
)

// Millis is an instant in milliseconds since 1970. Parsing the one form there
// is by hand costs a fraction of time.Time.
type Millis int64

var errTime = errors.New("not a time as records have it")

func (m *Millis) UnmarshalJSON(b []byte) error {
	if len(b) != 26 || b[11] != 'T' || b[24] != 'Z' {
		return errTime
	}
	ok := true
	number := func(i, n int) int64 {
		v := int64(0)
		for ; n > 0; n-- {
			d := b[i] - '0'
			ok = ok && d <= 9
			v = v*10 + int64(d)
			i++
		}
		return v
	}
	y, mo, d := number(1, 4), number(6, 2), number(9, 2)
	ms := (number(12, 2)*3600+number(15, 2)*60+number(18, 2))*1000 + number(21, 3)
	if !ok {
		return errTime
	}
	if mo <= 2 {
		y, mo = y-1, mo+12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(mo-3)+2)/5 + d - 719469
	*m = Millis(days*86400000 + ms)
	return nil
}

// Record has what the figures need; the rest is checked and left.
type Record struct {
	Type      string `json:"type"`
	Tenant    string `json:"tenant"`
	Chat      string `json:"chat"`
	ID        string `json:"id"`
	At        Millis `json:"at"`
	From      string `json:"from"`
	User      string `json:"user"`
	Operator  string `json:"operator"`
	Kind      string `json:"kind"`
	OpenedAt  Millis `json:"opened_at"`
	Private   bool   `json:"private"`
	Automated bool   `json:"automated"`
}

type what uint8

const (
	customer what = iota
	operator
	bot
	assigned
	closed
	opened
	handoff
	nothing
)

func (r *Record) what() what {
	switch {
	case r.Private || r.Automated:
		return nothing
	case r.From == "customer":
		return customer
	case r.From == "operator":
		return operator
	case r.From == "bot":
		return bot
	case r.Kind == "assigned":
		return assigned
	case r.Kind == "closed":
		return closed
	case r.Kind == "opened":
		return opened
	case r.Kind == "handoff":
		return handoff
	}
	return nothing
}

type step struct {
	at   int64
	who  *Person
	what what
}

// Person is whoever writes; operators have figures.
type Person struct {
	Tenant, Name                                string
	listed, dirty                               bool
	Open, Waiting, Answers, Ms, Firsts, FirstMs int64
}

func (p *Person) shown() bool { return p.listed || p.Open > 0 || p.Answers > 0 }

type answer struct {
	who   *Person
	ms    int64
	first bool
}

type writer struct {
	who  *Person
	what what
}

// episode is what is known of a chat now.
type episode struct {
	from, wait, first int64 // -1: not set
	open, handed      bool
	holder            *Person
	messages          int64
	answers           []answer
	writers           []writer
}

// Chat keeps its steps in order of time.
type Chat struct {
	Tenant, Name string
	openedAt     int64
	described    *Person // the holder that the chat's record names
	steps        []step
	dirty        bool
	episode
}

type key struct {
	tenant, name string
}

type message struct {
	chat *Chat
	id   string
}

// State is all that is known.
type State struct {
	seen   map[message]struct{}
	chats  map[key]*Chat
	people map[key]*Person
}

func newState() *State {
	return &State{make(map[message]struct{}, 1<<20), map[key]*Chat{}, map[key]*Person{}}
}

func (s *State) chat(tenant, name string) *Chat {
	k := key{tenant, name}
	c := s.chats[k]
	if c == nil {
		c = &Chat{Tenant: tenant, Name: name, openedAt: -1 << 62}
		c.open = true
		c.restart()
		s.chats[k] = c
	}
	return c
}

func (s *State) person(tenant, name string) *Person {
	if name == "" {
		return nil
	}
	k := key{tenant, name}
	p := s.people[k]
	if p == nil {
		p = &Person{Tenant: tenant, Name: name}
		s.people[k] = p
	}
	return p
}

func (e *episode) restart() {
	e.from, e.wait, e.first = -1, -1, -1
	e.handed = false
	e.messages = 0
	e.answers, e.writers = e.answers[:0], e.writers[:0]
}

func (e *episode) wrote(st step) {
	e.messages++
	for _, w := range e.writers {
		if w.who == st.who && w.what == st.what {
			return
		}
	}
	e.writers = append(e.writers, writer{st.who, st.what})
}

func (e *episode) advance(st step) {
	if st.what <= bot {
		e.wrote(st)
	}
	switch st.what {
	case customer:
		e.open = true
		if e.from < 0 {
			e.from = st.at
		}
		if e.wait < 0 {
			e.wait = st.at
		}
	case operator:
		if e.first < 0 {
			e.first = st.at
			if e.from >= 0 {
				e.answers = append(e.answers, answer{st.who, st.at - e.from, true})
			}
		} else if e.wait >= 0 {
			e.answers = append(e.answers, answer{st.who, st.at - e.wait, false})
		}
		e.wait = -1
	case bot:
		e.wait = -1
	case handoff:
		if !e.handed {
			e.handed = true
			e.from = st.at
			if e.wait < 0 {
				e.wait = st.at
			}
		}
	case assigned:
		e.holder = st.who
	case opened:
		e.open = true
	case closed:
		e.open = false
		e.restart()
	}
}

// derive goes over all steps anew.
func (c *Chat) derive() {
	c.restart()
	c.open, c.holder = true, c.described
	for _, st := range c.steps {
		if st.at >= c.openedAt {
			c.advance(st)
		}
	}
}

// insert takes one more step and brings the episode up to date.
func (c *Chat) insert(st step) {
	n := len(c.steps)
	if n == 0 || c.steps[n-1].at <= st.at {
		c.steps = append(c.steps, st)
		if st.at >= c.openedAt {
			c.advance(st)
		}
		return
	}
	i := sort.Search(n, func(i int) bool { return c.steps[i].at > st.at })
	c.steps = append(c.steps, step{})
	copy(c.steps[i+1:], c.steps[i:])
	c.steps[i] = st
	c.derive()
}

// count adds what an open chat gives to operators, or takes it away.
func (c *Chat) count(sign int64, touch func(*Person)) {
	if !c.open {
		return
	}
	if c.holder != nil {
		c.holder.Open += sign
		if c.wait >= 0 {
			c.holder.Waiting += sign
		}
		touch(c.holder)
	}
	for _, a := range c.answers {
		a.who.Answers += sign
		a.who.Ms += sign * a.ms
		if a.first {
			a.who.Firsts += sign
			a.who.FirstMs += sign * a.ms
		}
		touch(a.who)
	}
}

// take gives the chat and the step that a record adds; fresh: a message that
// was not there before.
func (s *State) take(r *Record) (c *Chat, st step, fresh bool) {
	switch r.Type {
	case "message":
		c = s.chat(r.Tenant, r.Chat)
		n := len(s.seen)
		s.seen[message{c, r.ID}] = struct{}{}
		if len(s.seen) == n {
			return c, st, false
		}
		st = step{int64(r.At), nil, r.what()}
		if st.what == assigned {
			st.who = s.person(r.Tenant, r.Operator)
		} else if st.what <= bot {
			st.who = s.person(r.Tenant, r.User)
		}
		return c, st, true
	case "chat":
		c = s.chat(r.Tenant, r.Chat)
		c.described = s.person(r.Tenant, r.Operator)
		if r.OpenedAt != 0 {
			c.openedAt = int64(r.OpenedAt)
		}
		return c, st, false
	case "operator":
		if p := s.person(r.Tenant, r.Operator); p != nil {
			p.listed = true
		}
	}
	return nil, st, false
}

// mean in seconds with three decimals, half up; nil of nothing.
func mean(ms, n int64) interface{} {
	if n == 0 {
		return nil
	}
	v := (2*ms + n) / (2 * n)
	return fmt.Sprintf("%d.%03d", v/1000, v%1000)
}

func shownMean(ms, n int64) string {
	if n == 0 {
		return "null"
	}
	return mean(ms, n).(string)
}

func (s *State) print(to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<16)
	for _, c := range s.chats {
		if !c.open {
			continue
		}
		fmt.Fprintf(w, "{\"type\":\"row\",\"table\":\"chat_metrics\",\"tenant\":%q,\"chat\":%q,"+
			"\"messages\":%d,\"participants\":%d,\"responses\":%d}\n",
			c.Tenant, c.Name, c.messages, len(c.writers), len(c.answers))
	}
	for _, p := range s.people {
		if !p.shown() {
			continue
		}
		fmt.Fprintf(w, "{\"type\":\"row\",\"table\":\"operator_metrics\",\"tenant\":%q,\"operator\":%q,"+
			"\"open_chats\":%d,\"waiting_chats\":%d,\"responses\":%d,\"first_responses\":%d,"+
			"\"avg_response_seconds\":%s,\"avg_first_response_seconds\":%s}\n",
			p.Tenant, p.Name, p.Open, p.Waiting, p.Answers, p.Firsts,
			shownMean(p.Ms, p.Answers), shownMean(p.FirstMs, p.Firsts))
	}
	return w.Flush()
}
