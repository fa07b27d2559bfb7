// What tls-client.mjs does, with Go's net/http and crypto/tls: the same arguments, the same report.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

const pause = 200 * time.Millisecond

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// CPU time of this process, in ms.
func used() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

type figure struct {
	Bytes int     `json:"bytes"`
	CPU   float64 `json:"cpuMs"`
	Wall  float64 `json:"wallMs"`
}

func main() {
	port, report, stay := os.Args[1], os.Args[3], len(os.Args) > 4
	var plan [][2]int
	must(json.Unmarshal([]byte(os.Args[2]), &plan))
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		MaxConnsPerHost: 1,
	}}
	sent := 0
	once := func(body []byte) {
		sent++
		url := fmt.Sprintf("https://127.0.0.1:%s/%d", port, len(body))
		response, err := client.Post(url, "application/json", bytes.NewReader(body))
		must(err)
		_, err = io.Copy(io.Discard, response.Body)
		must(err)
		response.Body.Close()
	}
	figures := []figure{}
	for _, step := range plan {
		size, requests := step[0], step[1]
		body, err := json.Marshal(map[string]string{"text": strings.Repeat("a", size-11)})
		must(err)
		for done := 0; done < requests/5; done++ {
			once(body)
		}
		time.Sleep(pause)
		before, began := used(), time.Now()
		for done := 0; done < requests; done++ {
			once(body)
		}
		wall := float64(time.Since(began).Nanoseconds()) / 1e6
		figures = append(figures, figure{size, used() - before, wall})
	}
	said, err := json.Marshal(map[string]any{"pid": os.Getpid(), "sent": sent, "figures": figures})
	must(err)
	must(os.WriteFile(report+".part", said, 0o600))
	must(os.Rename(report+".part", report))
	if stay {
		time.Sleep(100000 * time.Second)
	}
}
