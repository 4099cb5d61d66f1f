// golisten: POST /api/v1/messages/send as one writes it in Go: net/http, the
// body by encoding/json, the record published as a persistent message to a
// quorum queue, the answer when the broker has confirmed it. Requests share a
// few channels of one connection, and wait for their own confirmation only.
//
//	golisten QUEUE PORT-FILE     AMQP_URL; ends at SIGTERM
package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	tenant   = "acme"
	channels = 16
	maxBody  = 1 << 20
	patience = 10 * time.Second
)

type request struct {
	Conversation string `json:"conversation_id"`
	Sender       string `json:"sender_id"`
	Receiver     string `json:"receiver_id"`
	Content      string `json:"content"`
	Type         string `json:"message_type"`
	Channel      string `json:"channel_id"`
}

type record struct {
	Type    string `json:"type"`
	Tenant  string `json:"tenant"`
	ID      string `json:"id"`
	Chat    string `json:"chat"`
	Channel string `json:"channel,omitempty"`
	At      string `json:"at"`
	From    string `json:"from"`
	User    string `json:"user"`
	To      string `json:"to,omitempty"`
	Kind    string `json:"kind"`
	Text    string `json:"text,omitempty"`
}

type answer struct {
	Status       string `json:"status"`
	Message      string `json:"message_id"`
	Conversation string `json:"conversation_id"`
}

// channel counts what it publishes, and tells who waits for which number.
type channel struct {
	mu      sync.Mutex
	ch      *amqp.Channel
	waiting map[uint64]chan bool
}

func open(c *amqp.Connection) (*channel, error) {
	ch, err := c.Channel()
	if err != nil {
		return nil, err
	}
	if err := ch.Confirm(false); err != nil {
		return nil, err
	}
	p := &channel{ch: ch, waiting: map[uint64]chan bool{}}
	go p.tell(ch.NotifyPublish(make(chan amqp.Confirmation, 256)))
	return p, nil
}

func (p *channel) tell(confirmations <-chan amqp.Confirmation) {
	for c := range confirmations {
		p.mu.Lock()
		done := p.waiting[c.DeliveryTag]
		delete(p.waiting, c.DeliveryTag)
		p.mu.Unlock()
		if done != nil {
			done <- c.Ack
		}
	}
}

// send publishes, after it has seen to that the confirmation finds us.
func (p *channel) send(queue, id string, body []byte) (<-chan bool, error) {
	done := make(chan bool, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.ch.GetNextPublishSeqNo()
	p.waiting[n] = done
	err := p.ch.PublishWithContext(context.Background(), "", queue, false, false, amqp.Publishing{
		ContentType:  "application/x-ndjson",
		DeliveryMode: amqp.Persistent,
		MessageId:    id,
		Body:         body,
	})
	if err != nil {
		delete(p.waiting, n)
	}
	return done, err
}

// service gives requests to its channels, turn by turn.
type service struct {
	queue string
	pool  [channels]*channel
	turn  uint32
}

func dial(url, queue string) (*service, error) {
	c, err := amqp.Dial(url)
	if err != nil {
		return nil, err
	}
	s := &service{queue: queue}
	for i := range s.pool {
		if s.pool[i], err = open(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *service) publish(ctx context.Context, id string, body []byte) error {
	p := s.pool[atomic.AddUint32(&s.turn, 1)%channels]
	done, err := p.send(s.queue, id, body)
	if err != nil {
		return err
	}
	select {
	case ok := <-done:
		if !ok {
			return errors.New("the broker refused it")
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func conversation(a, b string) string {
	if a > b {
		a, b = b, a
	}
	mac := hmac.New(sha256.New, []byte("conversation"))
	io.WriteString(mac, a+"\x00"+b)
	return "conv-" + hex.EncodeToString(mac.Sum(nil)[:12])
}

func newID() string {
	var b [12]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	return "msg-" + hex.EncodeToString(b[:])
}

func (s *service) send(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
		return
	}
	var m request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&m); err != nil {
		http.Error(w, "Invalid request", http.StatusBadRequest)
		return
	}
	if m.Sender == "" || (m.Conversation == "" && m.Receiver == "") {
		http.Error(w, "Invalid request", http.StatusBadRequest)
		return
	}
	if m.Conversation == "" {
		m.Conversation = conversation(m.Sender, m.Receiver)
	}
	if m.Type == "" {
		m.Type = "text"
	}
	id := newID()
	body, err := json.Marshal(record{"message", tenant, id, m.Conversation, m.Channel,
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "customer", m.Sender, m.Receiver, m.Type, m.Content})
	if err != nil {
		http.Error(w, "Internal error", http.StatusInternalServerError)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := s.publish(ctx, id, body); err != nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "Service unavailable", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer{"success", id, m.Conversation})
}

func run(queue, portFile string) error {
	s, err := dial(os.Getenv("AMQP_URL"), queue)
	if err != nil {
		return err
	}
	http.HandleFunc("/api/v1/messages/send", s.send)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := fmt.Sprintln(l.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(portFile+".new", []byte(port), 0o644); err != nil {
		return err
	}
	if err := os.Rename(portFile+".new", portFile); err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 15 * time.Second}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		server.Shutdown(context.Background())
	}()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: golisten QUEUE PORT-FILE")
		os.Exit(64)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "golisten:", err)
		os.Exit(69)
	}
}
