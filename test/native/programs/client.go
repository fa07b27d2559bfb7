// A Go program that sends bodies of many sizes over TLS and wants as many bytes back. argv: how (h1 and h2 with net/http,
// raw with a connection of its own), port, word, connections, rounds (0: until standard input ends), most bytes.
// SSL_CERT_FILE: whom it trusts.
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"io/ioutil" // for Go 1.15
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	must(err)
	return n
}

var ended int32

func more(round, rounds int) bool {
	return round < rounds || (rounds == 0 && atomic.LoadInt32(&ended) == 0)
}

func body(word string, n int) []byte {
	return bytes.Repeat([]byte(word), n/len(word)+1)[:n]
}

// From 1 byte to the most, by powers of ten, and around the size of a record.
func sizes(most int) []int {
	all := []int{}
	for n := 1; n < most; n *= 10 {
		all = append(all, n)
	}
	for _, n := range []int{16383, 16384, 16385, most} {
		if n <= most {
			all = append(all, n)
		}
	}
	return all
}

// Large bodies go one at a time: on a busy machine whoever reads along would not keep up with all of them.
var large sync.Mutex

func post(client *http.Client, url, word string, n int) {
	if n >= 1000000 {
		large.Lock()
		defer large.Unlock()
	}
	response, err := client.Post(fmt.Sprintf("%s/%s/%d", url, word, n), "text/plain", bytes.NewReader(body(word, n)))
	must(err)
	got, err := io.Copy(ioutil.Discard, response.Body)
	must(err)
	response.Body.Close()
	if int(got) != n || response.StatusCode != 200 {
		must(fmt.Errorf("%d: %d of %d bytes", response.StatusCode, got, n))
	}
}

// One connection's worth of requests.
func talk(transport *http.Transport, url, word string, rounds, most int) {
	client := &http.Client{Transport: transport}
	for round := 0; more(round, rounds); round++ {
		for _, n := range sizes(most) {
			post(client, url, word, n)
		}
	}
	transport.CloseIdleConnections()
}

// Reads into memory on its own stack, which is small when it begins, and moves when the connection reads.
func exchange(conn *tls.Conn, word string, n int, done chan bool) {
	var buffer [1024]byte
	_, err := conn.Write([]byte(fmt.Sprintf("GET /%s/%d HTTP/1.1\r\nhost: localhost\r\n\r\n", word, n)))
	must(err)
	head, left := []byte{}, -1
	for left != 0 {
		got, err := conn.Read(buffer[:])
		must(err)
		if left > 0 {
			left -= got
			continue
		}
		head = append(head, buffer[:got]...)
		if at := bytes.Index(head, []byte("\r\n\r\n")); at >= 0 {
			left = n - (len(head) - at - 4)
		}
	}
	done <- true
}

func raw(port int, word string, rounds, most int) {
	conn, err := tls.Dial("tcp", fmt.Sprintf("localhost:%d", port), &tls.Config{NextProtos: []string{"http/1.1"}})
	must(err)
	done := make(chan bool)
	for round := 0; more(round, rounds); round++ {
		for _, n := range sizes(most) {
			go exchange(conn, word, n, done)
			<-done
		}
	}
	conn.Close()
}

func main() {
	how, port, word := os.Args[1], number(2), os.Args[3]
	connections, rounds, most := number(4), number(5), number(6)
	url := fmt.Sprintf("https://localhost:%d", port)
	if rounds == 0 {
		go func() {
			io.Copy(ioutil.Discard, os.Stdin)
			atomic.StoreInt32(&ended, 1)
		}()
	}
	var all sync.WaitGroup
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if how == "raw" {
				raw(port, word, rounds, most)
				return
			}
			transport := &http.Transport{ForceAttemptHTTP2: how == "h2"}
			talk(transport, url, word, rounds, most)
		}()
	}
	all.Wait()
}
