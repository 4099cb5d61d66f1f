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
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	tenant   = "acme"
	channels = 16
	maxBody  = 1 << 20
	patience = 2 * time.Second
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

// service hands out channels; to publish takes one for a moment, to wait for
// the confirmation takes none.
type service struct {
	queue string
	pool  chan *amqp.Channel
}

func dial(url, queue string) (*service, error) {
	c, err := amqp.Dial(url)
	if err != nil {
		return nil, err
	}
	s := &service{queue, make(chan *amqp.Channel, channels)}
	for i := 0; i < channels; i++ {
		ch, err := c.Channel()
		if err != nil {
			return nil, err
		}
		if err := ch.Confirm(false); err != nil {
			return nil, err
		}
		s.pool <- ch
	}
	return s, nil
}

func (s *service) publish(ctx context.Context, id string, body []byte) error {
	ch := <-s.pool
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", s.queue, false, false, amqp.Publishing{
		ContentType:  "application/x-ndjson",
		DeliveryMode: amqp.Persistent,
		MessageId:    id,
		Body:         body,
	})
	s.pool <- ch
	if err != nil {
		return err
	}
	if !confirmation.Wait() {
		return errors.New("the broker refused it")
	}
	return nil
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
