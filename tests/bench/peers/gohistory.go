// gohistory: the messages of a conversation as one writes it in Go: a handler
// of net/http, database/sql, the shape and defaults of the service before.
//
//	gohistory PORT-FILE     MYSQL_DSN; ends at SIGTERM
//
// It names the index, as ours does: MariaDB takes the one by time else, now and
// then, and an answer takes seconds.
package main

import (
	"database/sql"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	_ "github.com/go-sql-driver/mysql"
)

const prefix = "/api/v1/messages/conversation/"

// Message is one of an answer.
type Message struct {
	ID        string `json:"message_id"`
	Chat      string `json:"conversation_id"`
	Sender    string `json:"sender_id"`
	Receiver  string `json:"receiver_id"`
	Content   string `json:"content"`
	Kind      string `json:"message_type"`
	CreatedAt string `json:"created_at"`
}

var query *sql.Stmt

func history(w http.ResponseWriter, r *http.Request) {
	limit := 100
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		limit = n
	}
	rows, err := query.Query(r.URL.Query().Get("tenant_id"),
		strings.TrimPrefix(r.URL.Path, prefix), limit)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	found := []Message{}
	for rows.Next() {
		var m Message
		if err = rows.Scan(&m.ID, &m.Chat, &m.Sender, &m.Receiver, &m.Content,
			&m.Kind, &m.CreatedAt); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		found = append(found, m)
	}
	body, err := json.Marshal(found)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func main() {
	db, err := sql.Open("mysql", os.Getenv("MYSQL_DSN"))
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxIdleConns(4)
	db.SetMaxOpenConns(4)
	query, err = db.Prepare(`SELECT message_id, conversation_id,
		COALESCE(sender_id, ''), COALESCE(receiver_id, ''),
		COALESCE(content, ''), COALESCE(message_type, ''), created_at
		FROM messages FORCE INDEX (by_chat)
		WHERE tenant = ? AND conversation_id = ?
		ORDER BY created_at, message_id LIMIT ?`)
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err = os.WriteFile(os.Args[1]+".new", []byte(port), 0o600); err == nil {
		err = os.Rename(os.Args[1]+".new", os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc(prefix, history)
	log.Fatal(http.Serve(l, nil))
}
