# Bunny, the usual Ruby client. See external-program.ts for the lines that are printed.
require 'bunny'
require 'json'
require 'logger'
require 'securerandom'
require 'timeout'

$stdout.sync = true
URL = ARGV.last
DEADLINE_SECONDS = 10
$scenarios = 0

def say(line)
  puts JSON.generate(line)
end

def ask(what)
  say({ ask: what })
  $stdin.gets.strip
end

def scenario(sentence)
  error = nil
  begin
    Timeout.timeout(2 * DEADLINE_SECONDS) { yield }
  rescue StandardError, Timeout::Error => raised
    error = raised.full_message(highlight: false)
  end
  say({ scenario: sentence, error: error })
  $scenarios += 1
end

def equal(expected, found)
  raise "expected #{expected.inspect}, found #{found.inspect}" unless expected == found
end

def connected(options = {})
  connection = Bunny.new(URL, { logger: Logger.new(IO::NULL), continuation_timeout: 1000 * DEADLINE_SECONDS }.merge(options))
  connection.start
  yield connection
ensure
  connection.close if connection&.open?
end

def eventually
  until_time = Process.clock_gettime(Process::CLOCK_MONOTONIC) + DEADLINE_SECONDS
  loop do
    found = yield
    return found if found
    raise 'still waiting' if Process.clock_gettime(Process::CLOCK_MONOTONIC) > until_time
    sleep 0.005
  end
end

scenario 'messages come back in order, with all properties and headers of every type' do
  connected do |connection|
    channel = connection.create_channel
    exchange = channel.topic("ruby.#{SecureRandom.uuid}", auto_delete: true)
    queue = channel.queue('', exclusive: true).bind(exchange, routing_key: 'a.#')
    headers = {
      'text' => 'ß €'.b, 'whole' => 2**40, 'small' => 7, 'float' => 1.5, 'yes' => true, 'none' => nil,
      'list' => [1, 'two', [3]], 'table' => { 'in' => { 'deep' => false } }, 'time' => Time.at(1_700_000_000)
    }
    properties = {
      content_type: 'text/plain', priority: 3, correlation_id: 'c', reply_to: 'r', expiration: '60000', message_id: 'm',
      timestamp: 1_700_000_000, type: 't', app_id: 'a', headers: headers
    }
    100.times { |number| exchange.publish(number.to_s, properties.merge(routing_key: 'a.b', persistent: true)) }
    received = Queue.new
    queue.subscribe(manual_ack: true) do |delivery, found, payload|
      channel.ack(delivery.delivery_tag)
      received << [payload, found]
    end
    messages = Array.new(100) { received.pop }
    equal((0...100).map(&:to_s), messages.map(&:first))
    found = messages.last.last
    equal(headers, found.headers)
    equal(['text/plain', 3, 'c', 'r', '60000', 'm', 't', 'a', 2],
          %i[content_type priority correlation_id reply_to expiration message_id type app_id delivery_mode].map { |name| found[name] })
    equal(1_700_000_000, found.timestamp.to_i)
  end
end

scenario 'a body of several frames is the same when it comes back, and an empty one is one' do
  connected do |connection|
    channel = connection.create_channel
    queue = channel.queue('', exclusive: true)
    body = Random.new(1).bytes(1_000_001)
    queue.publish(body)
    queue.publish('')
    equal(true, eventually { queue.pop.last } == body)
    equal('', eventually { queue.pop.last })
  end
end

scenario 'confirms come for what was published, and a nack for what a full queue refuses' do
  connected do |connection|
    channel = connection.create_channel
    channel.confirm_select
    queue = channel.queue('', exclusive: true, arguments: { 'x-max-length' => 5, 'x-overflow' => 'reject-publish' })
    5.times { queue.publish('x', persistent: true) }
    equal(true, channel.wait_for_confirms)
    queue.publish('too much')
    equal(false, channel.wait_for_confirms)
    equal(1, channel.nacked_set.size)
  end
end

scenario 'a mandatory message that nobody wants is returned' do
  connected do |connection|
    exchange = connection.create_channel.direct('amq.direct')
    returned = Queue.new
    exchange.on_return { |basic_return, _properties, content| returned << [basic_return.reply_code, basic_return.reply_text, content] }
    exchange.publish('back', routing_key: SecureRandom.uuid, mandatory: true)
    equal([312, 'NO_ROUTE', 'back'], returned.pop)
  end
end

scenario 'what is rejected or expires is dead-lettered, and says why' do
  connected do |connection|
    channel = connection.create_channel
    dead = channel.queue('', exclusive: true)
    arguments = { 'x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => dead.name }
    queue = channel.queue('', exclusive: true, arguments: arguments)
    queue.publish('rejected')
    delivery, = eventually { queue.pop(manual_ack: true).then { |found| found.first && found } }
    channel.reject(delivery.delivery_tag, false)
    _, properties, payload = eventually { dead.pop.then { |found| found.first && found } }
    equal(['rejected', 'rejected', queue.name, 1],
          [payload, *properties.headers['x-death'].first.values_at('reason', 'queue', 'count')])
    queue.publish('expired', expiration: '1')
    _, properties, payload = eventually { dead.pop.then { |found| found.first && found } }
    equal(%w[expired expired], [payload, properties.headers['x-first-death-reason']])
  end
end

scenario 'a delayed message waits, where there are such exchanges' do
  connected do |connection|
    next unless connection.server_properties['platform'].include?('Leveret')
    channel = connection.create_channel
    exchange = channel.exchange("ruby.#{SecureRandom.uuid}", type: 'x-delayed-message', auto_delete: true,
                                                             arguments: { 'x-delayed-type' => 'direct' })
    queue = channel.queue('', exclusive: true).bind(exchange, routing_key: 'k')
    at = Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
    exchange.publish('later', routing_key: 'k', headers: { 'x-delay' => 300 })
    _, properties, payload = eventually { queue.pop.then { |found| found.first && found } }
    # Bunny reads numbers of 32 bits without their sign.
    equal(['later', -300 % 2**32], [payload, properties.headers['x-delay']])
    equal(true, Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond) - at >= 300)
  end
end

scenario 'prefetch holds back what is not acknowledged, and nack with requeue brings it back' do
  connected do |connection|
    channel = connection.create_channel
    channel.prefetch(2)
    queue = channel.queue('', exclusive: true)
    5.times { |number| queue.publish(number.to_s) }
    received = Queue.new
    queue.subscribe(manual_ack: true) { |delivery, _properties, payload| received << [delivery, payload] }
    first, second = received.pop, received.pop
    equal(3, eventually { queue.message_count == 3 && 3 })
    channel.nack(second.first.delivery_tag, false, true)
    again = received.pop
    equal([second.last, true], [again.last, again.first.redelivered?])
    channel.ack(again.first.delivery_tag, true)
    equal(%w[2 3], Array.new(2) { received.pop.last })
    equal('0', first.last)
  end
end

scenario 'a queue that is not there closes its channel with 404, and the connection goes on' do
  connected do |connection|
    channel = connection.create_channel
    begin
      channel.queue(SecureRandom.uuid, passive: true)
      raise 'it is there'
    rescue Bunny::NotFound => error
      equal(404, error.channel_close.reply_code)
    end
    equal(true, connection.create_channel.queue('', exclusive: true).name.start_with?('amq.gen-'))
  end
end

scenario 'a consumer is told when its queue goes' do
  connected do |connection|
    channel = connection.create_channel
    queue = channel.queue("ruby.#{SecureRandom.uuid}")
    cancelled = Queue.new
    consumer = Bunny::Consumer.new(channel, queue)
    consumer.on_cancellation { |cancel| cancelled << cancel.consumer_tag }
    queue.subscribe_with(consumer)
    connection.create_channel.queue_delete(queue.name)
    equal(consumer.consumer_tag, cancelled.pop)
  end
end

scenario 'transactions take effect with the commit, and not after a rollback' do
  connected do |connection|
    channel = connection.create_channel
    queue = channel.queue('', exclusive: true)
    channel.tx_select
    queue.publish('kept')
    equal(0, queue.message_count)
    channel.tx_commit
    queue.publish('dropped')
    channel.tx_rollback
    equal(1, queue.message_count)
  end
end

scenario 'a wrong password is refused' do
  address = AMQ::Settings.parse_amqp_url(URL)
  begin
    Bunny.new(address.merge(pass: 'wrong', logger: Logger.new(IO::NULL))).start
    raise 'it was taken'
  rescue Bunny::AuthenticationFailureError
    nil
  end
end

scenario 'a client whose broker goes and comes back finds its queues and consumers again' do
  recovered = Queue.new
  connected(network_recovery_interval: 0.05, recovery_attempts: 1000, recovery_completed: -> { recovered << true }) do |connection|
    channel = connection.create_channel
    channel.confirm_select
    queue = channel.queue("ruby.#{SecureRandom.uuid}", durable: true)
    received = Queue.new
    queue.subscribe { |_delivery, _properties, payload| received << payload }
    queue.publish('before', persistent: true)
    equal('before', received.pop)
    ask('go-down')
    ask('come-back')
    recovered.pop
    queue.publish('after', persistent: true)
    equal('after', received.pop)
    queue.delete
  end
end

say({ finished: $scenarios })
