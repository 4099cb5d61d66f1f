// gopipeline: the whole way as one writes it in Go, batched: a queue of
// RabbitMQ into tables of MySQL named go_*. Every message is stored; rows of
// operators, chats and users that changed go with each transaction; what was
// read is acknowledged after it is committed. One batch fills while the one
// before it is committed, by two connections.
//
//	gopipeline QUEUE [PREFETCH]     AMQP_URL, MYSQL_DSN; ends at SIGTERM
package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/go-sql-driver/mysql"
	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	connections = 2
	prefetch    = 100 // of large messages
	batchSize   = 5000
	rowsAtOnce  = 1000
)

var schema = []string{
	"DROP TABLE IF EXISTS go_messages, go_operators, go_chats, go_users",
	`CREATE TABLE go_messages (tenant VARCHAR(64) NOT NULL, at DATETIME(3) NOT NULL,
	 chat VARCHAR(191) NOT NULL, id VARCHAR(191) NOT NULL, channel VARCHAR(191),
	 author VARCHAR(16) NOT NULL, user VARCHAR(191), receiver VARCHAR(191), operator VARCHAR(191),
	 kind VARCHAR(64), private BOOL NOT NULL, automated BOOL NOT NULL, text MEDIUMTEXT,
	 PRIMARY KEY (tenant, at, chat, id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
	`CREATE TABLE go_operators (tenant VARCHAR(64), operator VARCHAR(191), open_chats BIGINT,
	 waiting_chats BIGINT, responses BIGINT, avg_response_seconds DECIMAL(15,3), first_responses BIGINT,
	 avg_first_response_seconds DECIMAL(15,3),
	 PRIMARY KEY (tenant, operator)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
	`CREATE TABLE go_chats (tenant VARCHAR(64), chat VARCHAR(191), status VARCHAR(16), operator VARCHAR(191),
	 messages BIGINT, participants BIGINT, responses BIGINT,
	 PRIMARY KEY (tenant, chat)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
	`CREATE TABLE go_users (tenant VARCHAR(64), user VARCHAR(191), messages BIGINT, conversations BIGINT,
	 last_active DATETIME(3),
	 PRIMARY KEY (tenant, user)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
}

// Message has what is stored besides.
type Message struct {
	Record
	Channel string `json:"channel"`
	To      string `json:"to"`
	Text    string `json:"text"`
}

// user is a person's rollup.
type user struct {
	p        *Person
	messages int64
	chats    map[*Chat]struct{}
	last     int64
	dirty    bool
}

type rows struct {
	head, tail string
	columns    int
	args       []interface{}
}

// batch is what is committed together, a transaction a connection.
type batch struct {
	n        int
	tag      uint64
	messages [connections]rows
	figures  []rows
}

type pipeline struct {
	db        *sql.DB
	channel   *amqp.Channel
	state     *State
	users     map[*Person]*user
	chats     []*Chat
	operators []*Person
	dirty     []*user
	next      int
}

func (p *pipeline) touch(o *Person) {
	if !o.dirty {
		o.dirty = true
		p.operators = append(p.operators, o)
	}
}

func null(s string) interface{} {
	if s == "" {
		return nil
	}
	return s
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func (p *pipeline) count(c *Chat, st step) {
	u := p.users[st.who]
	if u == nil {
		u = &user{p: st.who, chats: map[*Chat]struct{}{}}
		p.users[st.who] = u
	}
	u.messages++
	u.chats[c] = struct{}{}
	if st.at > u.last {
		u.last = st.at
	}
	if !u.dirty {
		u.dirty = true
		p.dirty = append(p.dirty, u)
	}
}

// follow is the usual case, one more message at the end: only what it changes
// is counted.
func (p *pipeline) follow(c *Chat, st step) {
	waited, n := c.wait >= 0, len(c.answers)
	c.insert(st)
	for _, a := range c.answers[n:] {
		a.who.Answers++
		a.who.Ms += a.ms
		if a.first {
			a.who.Firsts++
			a.who.FirstMs += a.ms
		}
		p.touch(a.who)
	}
	if waits := c.wait >= 0; waits != waited && c.holder != nil {
		if waits {
			c.holder.Waiting++
		} else {
			c.holder.Waiting--
		}
		p.touch(c.holder)
	}
}

func (p *pipeline) take(b *batch, line []byte) error {
	var m Message
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("%w in %q", err, line)
	}
	b.n++
	c, st, fresh := p.state.take(&m.Record)
	if c == nil {
		return nil
	}
	if m.Type == "chat" || fresh && st.what != nothing {
		if n := len(c.steps); fresh && c.open && st.what <= bot && (n == 0 || c.steps[n-1].at <= st.at) {
			p.follow(c, st)
		} else {
			c.count(-1, p.touch)
			if fresh {
				c.insert(st)
			} else {
				c.derive()
			}
			c.count(1, p.touch)
		}
		if !c.dirty {
			c.dirty = true
			p.chats = append(p.chats, c)
		}
	}
	if !fresh {
		return nil
	}
	if st.what <= bot && st.who != nil {
		p.count(c, st)
	}
	to := &b.messages[p.next%connections]
	p.next++
	to.args = append(to.args, m.Tenant, at(int64(m.At)), m.Chat, m.ID, null(m.Channel), m.From, null(m.User),
		null(m.To), null(m.Operator), null(m.Kind), m.Private, m.Automated, null(m.Text))
	return nil
}

func upsert(table string, columns ...string) rows {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + "=VALUES(" + c + ")"
	}
	return rows{"INSERT INTO " + table + " (" + strings.Join(columns, ",") + ") VALUES ",
		" ON DUPLICATE KEY UPDATE " + strings.Join(set, ","), len(columns), nil}
}

// seal adds the rows that changed.
func (p *pipeline) seal(b *batch) {
	ops := upsert("go_operators", "tenant", "operator", "open_chats", "waiting_chats", "responses",
		"avg_response_seconds", "first_responses", "avg_first_response_seconds")
	for _, o := range p.operators {
		o.dirty = false
		ops.args = append(ops.args, o.Tenant, o.Name, o.Open, o.Waiting, o.Answers, mean(o.Ms, o.Answers),
			o.Firsts, mean(o.FirstMs, o.Firsts))
	}
	chats := upsert("go_chats", "tenant", "chat", "status", "operator", "messages", "participants", "responses")
	for _, c := range p.chats {
		c.dirty = false
		status, holder := "open", interface{}(nil)
		if !c.open {
			status = "closed"
		}
		if c.holder != nil {
			holder = c.holder.Name
		}
		chats.args = append(chats.args, c.Tenant, c.Name, status, holder, c.messages, len(c.writers), len(c.answers))
	}
	users := upsert("go_users", "tenant", "user", "messages", "conversations", "last_active")
	for _, u := range p.dirty {
		u.dirty = false
		users.args = append(users.args, u.p.Tenant, u.p.Name, u.messages, len(u.chats), at(u.last))
	}
	p.operators, p.chats, p.dirty = p.operators[:0], p.chats[:0], p.dirty[:0]
	b.figures = []rows{ops, chats, users}
}

func (r *rows) exec(tx *sql.Tx) error {
	for args := r.args; len(args) > 0; {
		n := len(args)
		if n > rowsAtOnce*r.columns {
			n = rowsAtOnce * r.columns
		}
		one := "(" + strings.Repeat("?,", r.columns-1) + "?)"
		text := r.head + strings.Repeat(one+",", n/r.columns-1) + one + r.tail
		if _, err := tx.Exec(text, args[:n]...); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}

func (p *pipeline) commitPart(b *batch, i int) error {
	tx, err := p.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := b.messages[i].exec(tx); err != nil {
		return err
	}
	for k := range b.figures {
		if k%connections != i {
			continue
		}
		if err := b.figures[k].exec(tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (p *pipeline) commit(b *batch) error {
	errs := make(chan error, connections)
	for i := 0; i < connections; i++ {
		go func(i int) { errs <- p.commitPart(b, i) }(i)
	}
	var first error
	for i := 0; i < connections; i++ {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	if first != nil {
		return first
	}
	return p.channel.Ack(b.tag, true)
}

func newBatch() *batch {
	b := &batch{}
	for i := range b.messages {
		b.messages[i] = rows{"INSERT IGNORE INTO go_messages (tenant,at,chat,id,channel,author,user,receiver," +
			"operator,kind,private,automated,text) VALUES ", "", 13, nil}
	}
	return b
}

func (p *pipeline) takeBody(b *batch, d amqp.Delivery) error {
	b.tag = d.DeliveryTag
	for _, line := range bytes.Split(d.Body, []byte{'\n'}) {
		if len(line) == 0 {
			continue
		}
		if err := p.take(b, line); err != nil {
			return err
		}
	}
	return nil
}

// run takes the next batch to the database as soon as the one before is
// committed, however full it is.
func (p *pipeline) run(in <-chan amqp.Delivery, stop <-chan os.Signal) error {
	b := newBatch()
	done := make(chan error, 1)
	busy := false
	for {
		from := in
		if b.n >= batchSize {
			from = nil
		}
		if b.n > 0 && !busy {
			// what is there already goes along
			select {
			case d, ok := <-from:
				if ok {
					if err := p.takeBody(b, d); err != nil {
						return err
					}
					if b.n < batchSize {
						continue
					}
				}
			default:
			}
			p.seal(b)
			busy = true
			go func(b *batch) { done <- p.commit(b) }(b)
			b = newBatch()
			continue
		}
		select {
		case d, ok := <-from:
			if !ok {
				return fmt.Errorf("the broker is gone")
			}
			if err := p.takeBody(b, d); err != nil {
				return err
			}
		case err := <-done:
			busy = false
			if err != nil {
				return err
			}
		case <-stop:
			return nil
		}
	}
}

func start(queue string, ahead int) (*pipeline, <-chan amqp.Delivery, error) {
	p := &pipeline{state: newState(), users: map[*Person]*user{}}
	var err error
	if p.db, err = sql.Open("mysql", os.Getenv("MYSQL_DSN")+
		"?interpolateParams=true&charset=utf8mb4&maxAllowedPacket=0"); err != nil {
		return nil, nil, err
	}
	p.db.SetMaxIdleConns(connections)
	for _, q := range schema {
		if _, err := p.db.Exec(q); err != nil {
			return nil, nil, err
		}
	}
	c, err := amqp.Dial(os.Getenv("AMQP_URL"))
	if err != nil {
		return nil, nil, err
	}
	if p.channel, err = c.Channel(); err != nil {
		return nil, nil, err
	}
	if err := p.channel.Qos(ahead, 0, false); err != nil {
		return nil, nil, err
	}
	in, err := p.channel.Consume(queue, "", false, false, false, false, nil)
	return p, in, err
}

func main() {
	debug.SetGCPercent(400)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ahead := prefetch
	if len(os.Args) > 2 {
		ahead, _ = strconv.Atoi(os.Args[2])
	}
	if len(os.Args) < 2 || ahead <= 0 {
		fmt.Fprintln(os.Stderr, "usage: gopipeline QUEUE [PREFETCH]")
		os.Exit(64)
	}
	p, in, err := start(os.Args[1], ahead)
	if err == nil {
		err = p.run(in, stop)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gopipeline:", err)
		os.Exit(69)
	}
}
