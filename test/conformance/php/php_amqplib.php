<?php
// php-amqplib, PHP's usual client. See external-program.ts for the lines that are printed.
require_once 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPProtocolChannelException;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

const DEADLINE_SECONDS = 10;

$address = parse_url($argv[count($argv) - 1]);
$scenarios = 0;

function say(array $line): void
{
    echo json_encode($line, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

function scenario(string $sentence, callable $run): void
{
    global $scenarios;
    $error = null;
    try {
        $run();
    } catch (Throwable $thrown) {
        $error = (string) $thrown;
    }
    say(['scenario' => $sentence, 'error' => $error]);
    $scenarios++;
}

function equal($expected, $found): void
{
    if ($expected === $found) {
        return;
    }
    throw new Exception('expected ' . var_export($expected, true) . ', found ' . var_export($found, true));
}

function connected(?string $password = null): AMQPStreamConnection
{
    global $address;
    ['host' => $host, 'port' => $port, 'user' => $user, 'pass' => $pass] = $address;
    $vhost = rawurldecode(substr($address['path'], 1));
    return new AMQPStreamConnection($host, $port, $user, $password ?? $pass, $vhost);
}

/** A channel of a connection of its own, which is closed behind. */
function on_channel(callable $run): void
{
    $connection = connected();
    $run($connection->channel(), $connection);
    $connection->close();
}

function own_queue($channel, array $arguments = []): string
{
    return $channel->queue_declare('', false, false, true, true, false, new AMQPTable($arguments))[0];
}

/** What basic.get finds, as soon as there is something. */
function next_of($channel, string $queue, bool $no_ack = true): AMQPMessage
{
    $until = microtime(true) + DEADLINE_SECONDS;
    do {
        $message = $channel->basic_get($queue, $no_ack);
        if ($message !== null) {
            return $message;
        }
        usleep(5000);
    } while (microtime(true) < $until);
    throw new Exception("still waiting for a message in $queue");
}

scenario('messages come back in order, with all properties and headers of every type', function () {
    on_channel(function ($channel) {
        $exchange = uniqid('php.');
        $channel->exchange_declare($exchange, 'topic', false, false, true);
        $queue = own_queue($channel);
        $channel->queue_bind($queue, $exchange, 'a.#');
        $headers = [
            'text' => 'ß €', 'whole' => 2 ** 40, 'small' => -7, 'yes' => true, 'none' => null,
            'list' => [1, 'two', [3]], 'table' => ['in' => ['deep' => false]],
        ];
        $properties = [
            'content_type' => 'text/plain', 'delivery_mode' => 2, 'priority' => 3, 'correlation_id' => 'c', 'reply_to' => 'r',
            'expiration' => '60000', 'message_id' => 'm', 'timestamp' => 1700000000, 'type' => 't', 'app_id' => 'a',
        ];
        for ($number = 0; $number < 100; $number++) {
            $table = ['application_headers' => new AMQPTable($headers)];
            $channel->batch_basic_publish(new AMQPMessage((string) $number, $properties + $table), $exchange, 'a.b');
        }
        $channel->publish_batch();
        $found = [];
        $last = null;
        $channel->basic_consume($queue, '', false, false, false, false, function ($message) use (&$found, &$last) {
            $found[] = $message->getBody();
            $last = $message;
            $message->ack();
        });
        while (count($found) < 100) {
            $channel->wait(null, false, DEADLINE_SECONDS);
        }
        equal(array_map('strval', range(0, 99)), $found);
        $received = $last->get_properties();
        equal($headers, $received['application_headers']->getNativeData());
        unset($received['application_headers']);
        ksort($properties);
        ksort($received);
        equal($properties, array_map(fn ($value) => is_object($value) ? $value->getNativeData() : $value, $received));
    });
});

scenario('a body of several frames is the same when it comes back, and an empty one is one', function () {
    on_channel(function ($channel) {
        $queue = own_queue($channel);
        $body = random_bytes(1000001);
        $channel->basic_publish(new AMQPMessage($body), '', $queue);
        $channel->basic_publish(new AMQPMessage(''), '', $queue);
        equal(true, next_of($channel, $queue)->getBody() === $body);
        equal('', next_of($channel, $queue)->getBody());
    });
});

scenario('confirms come for what was published, and a nack for what a full queue refuses', function () {
    on_channel(function ($channel) {
        $channel->confirm_select();
        $queue = own_queue($channel, ['x-max-length' => 5, 'x-overflow' => 'reject-publish']);
        $outcomes = ['ack' => 0, 'nack' => 0];
        $channel->set_ack_handler(function () use (&$outcomes) { $outcomes['ack']++; });
        $channel->set_nack_handler(function () use (&$outcomes) { $outcomes['nack']++; });
        for ($number = 0; $number < 6; $number++) {
            $channel->basic_publish(new AMQPMessage('x', ['delivery_mode' => 2]), '', $queue);
        }
        $channel->wait_for_pending_acks(DEADLINE_SECONDS);
        equal(['ack' => 5, 'nack' => 1], $outcomes);
    });
});

scenario('a mandatory message that nobody wants is returned, and confirmed behind it', function () {
    on_channel(function ($channel) {
        $channel->confirm_select();
        $told = [];
        $channel->set_return_listener(function ($code, $text, $exchange, $key, $message) use (&$told) {
            $told[] = [$code, $text, $exchange, $key, $message->getBody()];
        });
        $channel->set_ack_handler(function () use (&$told) { $told[] = 'ack'; });
        $channel->basic_publish(new AMQPMessage('back'), 'amq.direct', 'nobody', true);
        $channel->wait_for_pending_acks_returns(DEADLINE_SECONDS);
        equal([[312, 'NO_ROUTE', 'amq.direct', 'nobody', 'back'], 'ack'], $told);
    });
});

scenario('what is rejected or expires is dead-lettered, and says why', function () {
    on_channel(function ($channel) {
        $dead = own_queue($channel);
        $queue = own_queue($channel, ['x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => $dead]);
        $channel->basic_publish(new AMQPMessage('rejected'), '', $queue);
        next_of($channel, $queue, false)->reject(false);
        $message = next_of($channel, $dead);
        $death = $message->get('application_headers')->getNativeData()['x-death'][0];
        equal(['rejected', 'rejected', $queue, 1], [$message->getBody(), $death['reason'], $death['queue'], $death['count']]);
        $channel->basic_publish(new AMQPMessage('expired', ['expiration' => '1']), '', $queue);
        $message = next_of($channel, $dead);
        equal('expired', $message->get('application_headers')->getNativeData()['x-first-death-reason']);
    });
});

scenario('a delayed message waits, where there are such exchanges', function () {
    on_channel(function ($channel, $connection) {
        if (!str_contains($connection->getServerProperties()['platform'][1], 'Leveret')) {
            return;
        }
        $exchange = uniqid('php.');
        $arguments = new AMQPTable(['x-delayed-type' => 'direct']);
        $channel->exchange_declare($exchange, 'x-delayed-message', false, false, true, false, false, $arguments);
        $queue = own_queue($channel);
        $channel->queue_bind($queue, $exchange, 'k');
        $at = microtime(true);
        $delay = ['application_headers' => new AMQPTable(['x-delay' => 300])];
        $channel->basic_publish(new AMQPMessage('later', $delay), $exchange, 'k');
        $message = next_of($channel, $queue);
        equal(['later', -300], [$message->getBody(), $message->get('application_headers')->getNativeData()['x-delay']]);
        equal(true, microtime(true) - $at >= 0.3);
    });
});

scenario('prefetch holds back what is not acknowledged, and nack with requeue brings it back', function () {
    on_channel(function ($channel) {
        $channel->basic_qos(0, 2, false);
        $queue = own_queue($channel);
        foreach (['0', '1', '2'] as $text) {
            $channel->basic_publish(new AMQPMessage($text), '', $queue);
        }
        $found = [];
        $channel->basic_consume($queue, '', false, false, false, false, function ($message) use (&$found) { $found[] = $message; });
        $until = function (int $count) use ($channel, &$found) {
            while (count($found) < $count) {
                $channel->wait(null, false, DEADLINE_SECONDS);
            }
        };
        $until(2);
        equal(1, $channel->queue_declare($queue, true)[1]);
        $found[1]->nack(true);
        $until(3);
        equal(['1', true], [$found[2]->getBody(), $found[2]->isRedelivered()]);
        $found[2]->ack(true);
        $until(4);
        equal('2', $found[3]->getBody());
    });
});

scenario('a queue that is not there closes its channel with 404, and the connection goes on', function () {
    on_channel(function ($channel, $connection) {
        try {
            $channel->queue_declare(uniqid('php.'), true);
            throw new Exception('it is there');
        } catch (AMQPProtocolChannelException $error) {
            equal(404, $error->amqp_reply_code);
        }
        equal(true, str_starts_with(own_queue($connection->channel()), 'amq.gen-'));
    });
});

scenario('transactions take effect with the commit, and not after a rollback', function () {
    on_channel(function ($channel) {
        $queue = own_queue($channel);
        $channel->tx_select();
        $channel->basic_publish(new AMQPMessage('kept'), '', $queue);
        equal(0, $channel->queue_declare($queue, true)[1]);
        $channel->tx_commit();
        $channel->basic_publish(new AMQPMessage('dropped'), '', $queue);
        $channel->tx_rollback();
        equal(1, $channel->queue_declare($queue, true)[1]);
    });
});

scenario('a wrong password is refused', function () {
    try {
        connected('wrong');
    } catch (Throwable $error) {
        equal(403, $error->getCode());
        return;
    }
    throw new Exception('it was taken');
});

say(['finished' => $scenarios]);
