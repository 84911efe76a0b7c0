// RabbitMQ's own Go client, amqp091-go, through what its users do.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const replyTo = "amq.rabbitmq.reply-to"

// See definitions.ts.
const (
	ownUser     = "own"
	ownPrefix   = "conformance.own."
	tenantVhost = "tenant/ß €"
)

func main() {
	runAll([]scenario{
		{"the server announces its capabilities, and heartbeat, channels and frame size are agreed on", negotiation},
		{"a connection that idles under a heartbeat of one second stays open", idleUnderHeartbeat},
		{"a wrong password is 403 and a vhost that does not exist is 530", refusals},
		{"exchanges of every type are declared, bound, used, unbound and deleted", exchanges},
		{"ten thousand persistent publishes are confirmed through deferred confirmations, and kept in their order", confirms},
		{"two thousand channels of one connection are open at once", manyChannels},
		{"names hold any Unicode, up to 255 bytes of it, the vhost's too", unicodeNames},
		{"a connection that breaks takes its exclusive and auto-delete queues with it, and gives its unacked back", brokenConnection},
		{"a publisher is told that the broker blocks it, and what it sent is confirmed when there is room again", blocked},
		{"another user of the URL may do what its permissions say", permissions},
		{"passive declares find what is there", passiveDeclares},
		{"a message that the queue refuses is confirmed with a nack", refusedPublish},
		{"a mandatory message without a queue is returned before its confirm", mandatory},
		{"prefetch bounds the unacked deliveries, and acknowledging several lets as many through", prefetch},
		{"nack with requeue redelivers, reject without it dead-letters with its story", deadLetter},
		{"messages expire into the dead-letter exchange", expiry},
		{"a priority queue serves the higher priority first", priorities},
		{"an RPC is answered through the direct reply-to", rpc},
		{"a consumer is told when its queue is deleted", consumerCancelled},
		{"errors of a channel come with code and text, and the connection stays", channelErrors},
		{"an error of the connection comes with code and text to it and all its channels", connectionError},
		{"a message of 8 MiB crosses in both directions, in small frames and in large ones", largeMessage},
		{"every property, and headers of every type that the client writes, come back equal", properties},
		{"a transaction publishes and acknowledges at its commit only", transaction},
		{"get, purge, delete and recover answer with their counts", countsOfMessages},
		{"channel flow turned on by the client is accepted", flow},
		{"update-secret is answered", updateSecret},
		{"a program that dials again goes on after the broker's restart, and loses no persistent message", restart},
	})
}

// session is one connection with one channel of it.
type session struct {
	connection *amqp.Connection
	*amqp.Channel
}

func open(brokerURL string) session {
	connection, err := amqp.Dial(brokerURL)
	require(err)
	return session{connection, channelOf(connection)}
}

func (s session) close() { require(s.connection.Close()) }

func channelOf(connection *amqp.Connection) *amqp.Channel {
	channel, err := connection.Channel()
	require(err)
	return channel
}

func exclusiveQueue(channel *amqp.Channel, arguments amqp.Table) string {
	queue, err := channel.QueueDeclare("", false, false, true, false, arguments)
	require(err)
	return queue.Name
}

func publish(channel *amqp.Channel, exchange, key string, message amqp.Publishing) {
	require(channel.PublishWithContext(context.Background(), exchange, key, false, false, message))
}

func send(channel *amqp.Channel, queue string, bodies ...string) {
	for _, body := range bodies {
		publish(channel, "", queue, amqp.Publishing{Body: []byte(body), DeliveryMode: amqp.Persistent})
	}
}

func readyCount(channel *amqp.Channel, queue string) int {
	state, err := channel.QueueInspect(queue)
	require(err)
	return state.Messages
}

// getEventually takes the first message of a queue that something is about to arrive in.
func getEventually(channel *amqp.Channel, queue string) (message amqp.Delivery) {
	eventually("a message in "+queue, func() (isThere bool) {
		var err error
		message, isThere, err = channel.Get(queue, true)
		require(err)
		return isThere
	})
	return message
}

// failsWith asserts the code and text of an error that the broker caused.
func failsWith(err error, code int, text string) {
	var reply *amqp.Error
	if !errors.As(err, &reply) {
		panic(failure("expected " + text + ", got an error that is not the broker's, or none"))
	}
	expect("reply code", reply.Code, code)
	expect("reply text", reply.Reason, text)
}

// goneWith404 waits until it is gone: that is synced first.
func goneWith404(witness session, queue string) {
	var err error
	eventually("the end of "+queue, func() bool {
		_, err = channelOf(witness.connection).QueueInspect(queue)
		var reply *amqp.Error
		return errors.As(err, &reply) && reply.Code == amqp.NotFound
	})
	failsWith(err, amqp.NotFound, fmt.Sprintf("NOT_FOUND - no queue '%s' in vhost '/'", queue))
}

func variantOf(brokerURL, password, vhost string) string {
	variant, err := url.Parse(brokerURL)
	require(err)
	if password != "" {
		variant.User = url.UserPassword(variant.User.Username(), password)
	}
	if vhost != "" {
		variant.Path = "/" + vhost
		variant.RawPath = "/" + url.PathEscape(vhost)
	}
	return variant.String()
}

func negotiation(brokerURL string) {
	wanted := amqp.Config{Heartbeat: 7 * time.Second, ChannelMax: 100, FrameSize: 16384}
	connection, err := amqp.DialConfig(brokerURL, wanted)
	require(err)
	defer connection.Close()
	expect("heartbeat", connection.Config.Heartbeat, 7*time.Second)
	expect("channel max", connection.Config.ChannelMax, 100)
	expect("frame size", connection.Config.FrameSize, 16384)
	capabilities, _ := connection.Properties["capabilities"].(amqp.Table)
	for _, name := range []string{"publisher_confirms", "basic.nack", "consumer_cancel_notify", "connection.blocked"} {
		expect(name, capabilities[name], true)
	}
}

// heartbeatCounter is a connection that tells of every heartbeat frame it reads; on an idle connection they come alone.
type heartbeatCounter struct {
	net.Conn
	heartbeats chan int
}

func (c heartbeatCounter) Read(into []byte) (int, error) {
	size, err := c.Conn.Read(into)
	if size == 8 && into[0] == 8 {
		c.heartbeats <- size
	}
	return size, err
}

func idleUnderHeartbeat(brokerURL string) {
	heartbeats := make(chan int, 10)
	connection, err := amqp.DialConfig(brokerURL, amqp.Config{
		Heartbeat: time.Second,
		Dial: func(network, address string) (net.Conn, error) {
			raw, err := net.DialTimeout(network, address, deadline)
			return heartbeatCounter{raw, heartbeats}, err
		},
	})
	require(err)
	// Two a second, and a peer may be silent for two or three.
	for count := 1; count <= 8; count++ {
		receive(fmt.Sprintf("heartbeat %d", count), heartbeats)
	}
	require(channelOf(connection).Close())
	require(connection.Close())
}

func refusals(brokerURL string) {
	_, err := amqp.Dial(variantOf(brokerURL, "wrong", ""))
	expect("a wrong password", errors.Is(err, amqp.ErrCredentials), true)
	// amqp091-go reports every refusal of connection.open under one name of its own.
	_, err = amqp.Dial(variantOf(brokerURL, "", "no-such-vhost"))
	expect("an unknown vhost", errors.Is(err, amqp.ErrVhost), true)
}

func exchanges(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	queue := exclusiveQueue(s.Channel, nil)
	match := amqp.Table{"x-match": "all", "color": "blue", "size": int32(3)}
	message := amqp.Publishing{Headers: amqp.Table{"color": "blue", "size": int32(3)}}
	for _, kind := range []string{amqp.ExchangeDirect, amqp.ExchangeFanout, amqp.ExchangeTopic, amqp.ExchangeHeaders} {
		outer, inner := uniqueName(kind), uniqueName(kind)
		require(s.ExchangeDeclare(outer, kind, false, false, false, false, nil))
		require(s.ExchangeDeclare(inner, kind, true, false, true, false, nil))
		require(s.ExchangeBind(inner, "a.key", outer, false, match))
		require(s.QueueBind(queue, "a.key", inner, false, match))
		message.Body = []byte(kind)
		publish(s.Channel, outer, "a.key", message)
		expect("the body through "+kind, string(getEventually(s.Channel, queue).Body), kind)
		require(s.QueueUnbind(queue, "a.key", inner, match))
		require(s.ExchangeUnbind(inner, "a.key", outer, false, match))
		require(s.ExchangeDelete(outer, true, false))
		require(s.ExchangeDelete(inner, false, false))
	}
}

func confirms(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	require(s.Confirm(false))
	const count = 10_000
	queue := uniqueName("confirms")
	_, err := s.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-expires": int32(60000)})
	require(err)
	notified := s.NotifyPublish(make(chan amqp.Confirmation, count))
	for tag := uint64(1); tag <= count; tag++ {
		message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(fmt.Sprint(tag))}
		confirmation, err := s.PublishWithDeferredConfirmWithContext(context.Background(), "", queue, false, false, message)
		require(err)
		expect("the delivery tag", confirmation.DeliveryTag, tag)
	}
	for tag := uint64(1); tag <= count; tag++ {
		expect("the confirmation", receive("a confirmation", notified), amqp.Confirmation{DeliveryTag: tag, Ack: true})
	}
	expect("the ready messages", readyCount(s.Channel, queue), count)
	deliveries, err := s.Consume(queue, "", true, false, false, false, nil)
	require(err)
	for tag := 1; tag <= count; tag++ {
		expect("the body", string(receive("a delivery", deliveries).Body), fmt.Sprint(tag))
	}
	_, err = s.QueueDelete(queue, false, false, false)
	require(err)
}

func manyChannels(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	const count = 1999
	queue := exclusiveQueue(s.Channel, nil)
	deliveries, err := s.Consume(queue, "", true, false, false, false, nil)
	require(err)
	channels := make([]*amqp.Channel, count)
	for index := range channels {
		channels[index] = channelOf(s.connection)
	}
	for index, channel := range channels {
		send(channel, queue, fmt.Sprint(index))
	}
	bodies := map[string]bool{}
	for range channels {
		bodies[string(receive("a delivery", deliveries).Body)] = true
	}
	expect("different bodies", len(bodies), count)
}

func unicodeNames(brokerURL string) {
	s := open(variantOf(brokerURL, "", tenantVhost))
	defer s.close()
	queue := uniqueName("名前 \U0001f430")
	queue += strings.Repeat(".", 255-len(queue))
	declared, err := s.QueueDeclare(queue, false, false, true, false, nil)
	require(err)
	expect("the queue's name", declared.Name, queue)
	exchange, key := uniqueName("обмен"), "ключ.é.\U0001f407"
	require(s.ExchangeDeclare(exchange, "topic", false, true, false, false, nil))
	require(s.QueueBind(queue, "ключ.*.#", exchange, false, nil))
	publish(s.Channel, exchange, key, amqp.Publishing{Headers: amqp.Table{"schlüssel ☃": "wert \U0001f955"}})
	got := getEventually(s.Channel, queue)
	expect("the route", []string{got.Exchange, got.RoutingKey}, []string{exchange, key})
	expect("the headers", got.Headers, amqp.Table{"schlüssel ☃": "wert \U0001f955"})
}

func brokenConnection(brokerURL string) {
	witness := open(brokerURL)
	defer witness.close()
	var wire net.Conn
	connection, err := amqp.DialConfig(brokerURL, amqp.Config{
		Dial: func(network, address string) (net.Conn, error) {
			dialled, err := net.DialTimeout(network, address, deadline)
			wire = dialled
			return dialled, err
		},
	})
	require(err)
	leaving := channelOf(connection)
	kept, autoDelete := uniqueName("kept"), uniqueName("auto-delete")
	_, err = witness.QueueDeclare(kept, false, false, false, false, amqp.Table{"x-expires": int32(60000)})
	require(err)
	exclusive := exclusiveQueue(leaving, nil)
	_, err = leaving.QueueDeclare(autoDelete, false, true, false, false, nil)
	require(err)
	_, err = leaving.Consume(autoDelete, "", true, false, false, false, nil)
	require(err)
	send(leaving, kept, "unacked")
	held, _, err := leaving.Get(kept, false)
	require(err)
	expect("redelivered at first", held.Redelivered, false)
	require(wire.Close())
	message := getEventually(witness.Channel, kept)
	expect("the unacked message", []any{string(message.Body), message.Redelivered}, []any{"unacked", true})
	for _, queue := range []string{exclusive, autoDelete} {
		goneWith404(witness, queue)
	}
}

func blocked(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	require(s.Confirm(false))
	queue := uniqueName("blocked")
	_, err := s.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-expires": int32(60000)})
	require(err)
	blockings := s.connection.NotifyBlocked(make(chan amqp.Blocking, 2))
	notified := s.NotifyPublish(make(chan amqp.Confirmation, 1))
	if !fillDisk() {
		return
	}
	send(s.Channel, queue, "while blocked")
	blocking := receive("connection.blocked", blockings)
	expect("blocked", []any{blocking.Active, strings.HasPrefix(blocking.Reason, "low on disk")}, []any{true, true})
	expect("confirms of what is not on the disk", len(notified), 0)
	freeDisk()
	expect("blocked still", receive("connection.unblocked", blockings).Active, false)
	expect("the confirm", receive("the confirm", notified).Ack, true)
	expect("the message", string(getEventually(s.Channel, queue).Body), "while blocked")
	_, err = s.QueueDelete(queue, false, false, false)
	require(err)
}

func permissions(brokerURL string) {
	guests := open(brokerURL)
	defer guests.close()
	guestsQueue := exclusiveQueue(guests.Channel, nil)
	own, err := url.Parse(brokerURL)
	require(err)
	own.User = url.UserPassword(ownUser, ownUser)
	s := open(own.String())
	defer s.close()
	queue := ownPrefix + uniqueName("q")
	_, err = s.QueueDeclare(queue, false, false, true, false, nil)
	require(err)
	send(s.Channel, queue, "mine")
	expect("the message", string(getEventually(s.Channel, queue).Body), "mine")
	refused := func(err error, kind, name string) {
		failsWith(err, amqp.AccessRefused,
			fmt.Sprintf("ACCESS_REFUSED - access to %s '%s' in vhost '/' refused for user '%s'", kind, name, ownUser))
	}
	_, _, err = channelOf(s.connection).Get(guestsQueue, true)
	refused(err, "queue", guestsQueue)
	_, err = channelOf(s.connection).QueueDeclare("foreign", false, false, false, false, nil)
	refused(err, "queue", "foreign")
	publishing := channelOf(s.connection)
	closed := publishing.NotifyClose(make(chan *amqp.Error, 1))
	publish(publishing, "amq.topic", "key", amqp.Publishing{})
	refused(receive("the close", closed), "exchange", "amq.topic")
	_, err = amqp.Dial(variantOf(own.String(), "", tenantVhost))
	expect("a vhost without permissions", errors.Is(err, amqp.ErrVhost), true)
}

func passiveDeclares(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	for _, kind := range []string{"direct", "fanout", "headers", "topic"} {
		require(s.ExchangeDeclarePassive("amq."+kind, kind, true, false, false, false, nil))
	}
	err := channelOf(s.connection).ExchangeDeclarePassive("nowhere", "direct", false, false, false, false, nil)
	failsWith(err, amqp.NotFound, "NOT_FOUND - no exchange 'nowhere' in vhost '/'")
	queue := exclusiveQueue(s.Channel, nil)
	send(s.Channel, queue, "one")
	eventually("the message", func() bool { return readyCount(s.Channel, queue) == 1 })
	state, err := s.QueueDeclarePassive(queue, false, false, true, false, nil)
	require(err)
	expect("the state", state, amqp.Queue{Name: queue, Messages: 1, Consumers: 0})
}

func refusedPublish(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	require(s.Confirm(false))
	queue := exclusiveQueue(s.Channel, amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"})
	notified := s.NotifyPublish(make(chan amqp.Confirmation, 2))
	send(s.Channel, queue, "fits", "does not fit")
	expect("the first", receive("the first confirm", notified), amqp.Confirmation{DeliveryTag: 1, Ack: true})
	expect("the second", receive("the second confirm", notified), amqp.Confirmation{DeliveryTag: 2, Ack: false})
}

func mandatory(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	require(s.Confirm(false))
	returned := s.NotifyReturn(make(chan amqp.Return, 1))
	notified := s.NotifyPublish(make(chan amqp.Confirmation, 1))
	message := amqp.Publishing{Body: []byte("lost"), MessageId: "m-1"}
	require(s.PublishWithContext(context.Background(), "amq.direct", "nowhere", true, false, message))
	expect("the confirm", receive("the confirm", notified).Ack, true)
	expect("returns before the confirm", len(returned), 1)
	back := receive("the return", returned)
	expect("reply code", back.ReplyCode, uint16(amqp.NoRoute))
	expect("the return",
		[]string{back.ReplyText, back.RoutingKey, back.MessageId, string(back.Body)},
		[]string{"NO_ROUTE", "nowhere", "m-1", "lost"})
}

func prefetch(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	queue := exclusiveQueue(s.Channel, nil)
	send(s.Channel, queue, "1", "2", "3", "4", "5")
	eventually("five ready messages", func() bool { return readyCount(s.Channel, queue) == 5 })
	require(s.Qos(2, 0, false))
	deliveries, err := s.Consume(queue, "", false, false, false, false, nil)
	require(err)
	receive("the first", deliveries)
	second := receive("the second", deliveries)
	expect("ready behind a prefetch of two", readyCount(s.Channel, queue), 3)
	require(second.Ack(true))
	expect("the third", string(receive("the third", deliveries).Body), "3")
	expect("the fourth", string(receive("the fourth", deliveries).Body), "4")
	expect("ready after acknowledging two", readyCount(s.Channel, queue), 1)
}

func deadLetter(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	dead := exclusiveQueue(s.Channel, nil)
	queue := exclusiveQueue(s.Channel, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
	deliveries, err := s.Consume(queue, "", false, false, false, false, nil)
	require(err)
	send(s.Channel, queue, "poison")
	require(receive("the delivery", deliveries).Nack(false, true))
	again := receive("the redelivery", deliveries)
	expect("redelivered", again.Redelivered, true)
	require(again.Reject(false))
	letter := getEventually(s.Channel, dead)
	deaths, _ := letter.Headers["x-death"].([]any)
	expect("deaths", len(deaths), 1)
	death := deaths[0].(amqp.Table)
	_, isTime := death["time"].(time.Time)
	expect("the time is a timestamp", isTime, true)
	delete(death, "time")
	expect("the death", death, amqp.Table{
		"count": int64(1), "reason": "rejected", "queue": queue, "exchange": "", "routing-keys": []any{queue},
	})
}

func expiry(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	dead := exclusiveQueue(s.Channel, nil)
	queue := exclusiveQueue(s.Channel, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
	publish(s.Channel, "", queue, amqp.Publishing{Expiration: "10", Body: []byte("short-lived")})
	letter := getEventually(s.Channel, dead)
	expect("the expiration", letter.Expiration, "")
	expect("the reason", letter.Headers["x-first-death-reason"], "expired")
}

func priorities(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	require(s.Confirm(false))
	notified := s.NotifyPublish(make(chan amqp.Confirmation, 3))
	queue := exclusiveQueue(s.Channel, amqp.Table{"x-max-priority": int16(9)})
	for _, priority := range []uint8{1, 9, 5} {
		publish(s.Channel, "", queue, amqp.Publishing{Priority: priority})
		receive("the confirm", notified)
	}
	for _, priority := range []uint8{9, 5, 1} {
		expect("the priority", getEventually(s.Channel, queue).Priority, priority)
	}
}

func rpc(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	server := channelOf(s.connection)
	requests := exclusiveQueue(server, nil)
	deliveries, err := server.Consume(requests, "", true, false, false, false, nil)
	require(err)
	replies, err := s.Consume(replyTo, "", true, false, false, false, nil)
	require(err)
	publish(s.Channel, "", requests, amqp.Publishing{ReplyTo: replyTo, CorrelationId: "42", Body: []byte("ping")})
	request := receive("the request", deliveries)
	expect("the reply address", strings.HasPrefix(request.ReplyTo, replyTo+"."), true)
	publish(server, "", request.ReplyTo, amqp.Publishing{CorrelationId: request.CorrelationId, Body: []byte("pong")})
	reply := receive("the reply", replies)
	expect("the reply", []string{reply.CorrelationId, string(reply.Body)}, []string{"42", "pong"})
}

func consumerCancelled(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	queue := exclusiveQueue(s.Channel, nil)
	cancelled := s.NotifyCancel(make(chan string, 1))
	_, err := s.Consume(queue, "my-tag", true, false, false, false, nil)
	require(err)
	_, err = channelOf(s.connection).QueueDelete(queue, false, false, false)
	require(err)
	expect("the consumer tag", receive("the cancellation", cancelled), "my-tag")
}

func channelErrors(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	queue := exclusiveQueue(s.Channel, nil)

	_, err := channelOf(s.connection).QueueDeclarePassive("nowhere", false, false, false, false, nil)
	failsWith(err, amqp.NotFound, "NOT_FOUND - no queue 'nowhere' in vhost '/'")

	err = channelOf(s.connection).ExchangeDeclare("amq.topic", "direct", true, false, false, false, nil)
	failsWith(err, amqp.PreconditionFailed,
		"PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.topic' in vhost '/': received 'direct' but current is 'topic'")

	err = channelOf(s.connection).QueueBind(queue, "key", "nowhere", false, nil)
	failsWith(err, amqp.NotFound, "NOT_FOUND - no exchange 'nowhere' in vhost '/'")

	publishing := channelOf(s.connection)
	closed := publishing.NotifyClose(make(chan *amqp.Error, 1))
	publish(publishing, "nowhere", "key", amqp.Publishing{})
	failsWith(receive("the close", closed), amqp.NotFound, "NOT_FOUND - no exchange 'nowhere' in vhost '/'")

	acknowledging := channelOf(s.connection)
	closed = acknowledging.NotifyClose(make(chan *amqp.Error, 1))
	require(acknowledging.Ack(7, false))
	failsWith(receive("the close", closed), amqp.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag 7")

	expect("ready messages over the first channel", readyCount(s.Channel, queue), 0)
}

func connectionError(brokerURL string) {
	s := open(brokerURL)
	closed := s.connection.NotifyClose(make(chan *amqp.Error, 1))
	channelClosed := channelOf(s.connection).NotifyClose(make(chan *amqp.Error, 1))
	err := s.ExchangeDeclare(uniqueName("odd"), "no-such-type", false, false, false, false, nil)
	text := "COMMAND_INVALID - unknown exchange type 'no-such-type'"
	failsWith(err, amqp.CommandInvalid, text)
	failsWith(receive("the close", closed), amqp.CommandInvalid, text)
	failsWith(receive("the channel's close", channelClosed), amqp.CommandInvalid, text)
}

func largeMessage(brokerURL string) {
	body := bytes.Repeat([]byte("leveret "), 8*1024*128)
	for _, frameSize := range []int{4096, 131072} {
		connection, err := amqp.DialConfig(brokerURL, amqp.Config{FrameSize: frameSize})
		require(err)
		expect("frame size", connection.Config.FrameSize, frameSize)
		s := session{connection, channelOf(connection)}
		queue := exclusiveQueue(s.Channel, nil)
		publish(s.Channel, "", queue, amqp.Publishing{Body: body})
		expect("the body", bytes.Equal(getEventually(s.Channel, queue).Body, body), true)
		s.close()
	}
}

func properties(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	queue := exclusiveQueue(s.Channel, nil)
	when := time.Unix(1_700_000_000, 0)
	sent := amqp.Publishing{
		Headers: amqp.Table{
			"text": "grüße, 世界", "bytes": []byte{0, 255}, "yes": true, "no": false, "nothing": nil,
			"uint8": byte(255), "int8": int8(-128), "int16": int16(-32768), "int32": int32(-2147483648), "int64": int64(math.MinInt64),
			"int64 max": int64(math.MaxInt64), "int64 odd": int64(1<<53 + 1), "later": time.Unix(1<<33+1, 0),
			"float32": float32(1.5), "float64": 1.0 / 3.0, "decimal": amqp.Decimal{Scale: 2, Value: 314}, "when": when,
			"list":  []any{"one", int32(2), nil, []any{true}},
			"table": amqp.Table{"inner": amqp.Table{"deep": int64(1)}},
		},
		ContentType: "text/plain", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent, Priority: 3,
		CorrelationId: "c", ReplyTo: "r", Expiration: "60000", MessageId: "m", Timestamp: when, Type: "t", UserId: "guest", AppId: "a",
		Body: []byte("x"),
	}
	publish(s.Channel, "", queue, sent)
	got := getEventually(s.Channel, queue)
	expect("the message", amqp.Publishing{
		Headers: got.Headers, ContentType: got.ContentType, ContentEncoding: got.ContentEncoding, DeliveryMode: got.DeliveryMode,
		Priority: got.Priority, CorrelationId: got.CorrelationId, ReplyTo: got.ReplyTo, Expiration: got.Expiration,
		MessageId: got.MessageId, Timestamp: got.Timestamp, Type: got.Type, UserId: got.UserId, AppId: got.AppId, Body: got.Body,
	}, sent)
}

func transaction(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	witness := channelOf(s.connection)
	queue := exclusiveQueue(witness, nil)
	require(s.Tx())
	send(s.Channel, queue, "undone")
	require(s.TxRollback())
	send(s.Channel, queue, "done")
	expect("before the commit", readyCount(witness, queue), 0)
	require(s.TxCommit())
	expect("after the commit", readyCount(witness, queue), 1)
	message, _, err := s.Get(queue, false)
	require(err)
	expect("the message", string(message.Body), "done")
	require(message.Ack(false))
	require(s.Channel.Close())
	expect("after an ack without commit", readyCount(witness, queue), 1)
}

func countsOfMessages(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	queue := exclusiveQueue(s.Channel, nil)
	send(s.Channel, queue, "1", "2", "3")
	eventually("three ready messages", func() bool { return readyCount(s.Channel, queue) == 3 })
	for _, redelivered := range []bool{false, true} {
		message, isThere, err := s.Get(queue, false)
		require(err)
		expect("the message",
			[]any{isThere, string(message.Body), message.Redelivered, message.MessageCount},
			[]any{true, "1", redelivered, uint32(2)})
		require(s.Recover(true))
	}
	_, isThere, err := s.Get(queue, false)
	require(err)
	expect("a message is there", isThere, true)
	purged, err := s.QueuePurge(queue, false)
	require(err)
	expect("purged", purged, 2)
	require(s.Nack(0, true, true))
	deleted, err := s.QueueDelete(queue, false, false, false)
	require(err)
	expect("deleted", deleted, 1)
}

func flow(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	require(s.Flow(true))
}

func updateSecret(brokerURL string) {
	s := open(brokerURL)
	defer s.close()
	require(s.connection.UpdateSecret("guest", "rotation"))
	expect("ready messages afterwards", readyCount(s.Channel, exclusiveQueue(s.Channel, nil)), 0)
}

func restart(brokerURL string) {
	queue := uniqueName("survivor")
	s := open(brokerURL)
	require(s.Confirm(false))
	notified := s.NotifyPublish(make(chan amqp.Confirmation, 1))
	_, err := s.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-expires": int32(60000)})
	require(err)
	send(s.Channel, queue, "kept")
	expect("the confirm", receive("the confirm", notified).Ack, true)
	_, _, err = s.Get(queue, false)
	require(err)
	closed := s.connection.NotifyClose(make(chan *amqp.Error, 1))
	isTold := takeBrokerDown()
	reason := receive("the end of the connection", closed)
	if isTold {
		failsWith(reason, amqp.ConnectionForced, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'")
	}
	_, err = amqp.Dial(brokerURL)
	expect("dialling while it is down fails", err != nil, true)
	bringBrokerBack()
	s = open(brokerURL)
	defer s.close()
	message := getEventually(s.Channel, queue)
	expect("the unacked message", []any{string(message.Body), message.Redelivered}, []any{"kept", true})
	_, err = s.QueueDelete(queue, false, false, false)
	require(err)
}
