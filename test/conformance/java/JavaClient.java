/** RabbitMQ's own Java client. See external-program.ts for the lines that are printed. */

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.CancelCallback;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.RpcClient;
import com.rabbitmq.client.RpcServer;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

public class JavaClient {
  static final int DEADLINE_SECONDS = 10;
  static String url;
  static int scenarios = 0;
  static final BufferedReader answers = new BufferedReader(new InputStreamReader(System.in));

  interface Scenario {
    void run(Connection connection, Channel channel) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    url = args[args.length - 1];
    scenario("messages come back in order, with all properties and headers of every type", JavaClient::comeBack);
    scenario("a body of several frames is the same when it comes back", JavaClient::largeBody);
    scenario("confirms come for what was published, and a nack for what a full queue refuses", JavaClient::confirms);
    scenario("a mandatory message that nobody wants is returned, and confirmed behind it", JavaClient::returned);
    scenario("what is rejected or expires is dead-lettered, and says why", JavaClient::deadLetters);
    scenario("a delayed message waits, where there are such exchanges", JavaClient::delayed);
    scenario("requests are answered through direct reply-to", JavaClient::requests);
    scenario("a queue that is not there closes its channel with 404, and the connection goes on", JavaClient::notFound);
    scenario("a consumer is told when its queue goes", JavaClient::cancelled);
    scenario("a wrong password is refused", JavaClient::wrongPassword);
    scenario("a client whose broker goes and comes back finds its queues and consumers again", JavaClient::recovery);
    System.out.println("{\"finished\":" + scenarios + "}");
    System.exit(0);
  }

  static void scenario(String sentence, Scenario run) {
    String error = "null";
    try (Connection connection = factory().newConnection()) {
      run.run(connection, connection.createChannel());
    } catch (Throwable thrown) {
      StringWriter trace = new StringWriter();
      thrown.printStackTrace(new PrintWriter(trace));
      error = quoted(trace.toString());
    }
    System.out.println("{\"scenario\":" + quoted(sentence) + ",\"error\":" + error + "}");
    scenarios++;
  }

  static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c < ' ' || c == '"' || c == '\\') json.append(String.format("\\u%04x", (int) c));
      else json.append(c);
    }
    return json.append('"').toString();
  }

  static String ask(String what) throws IOException {
    System.out.println("{\"ask\":" + quoted(what) + "}");
    return answers.readLine();
  }

  static ConnectionFactory factory() throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(url);
    factory.setNetworkRecoveryInterval(50);
    return factory;
  }

  static void equal(Object expected, Object found) {
    if (!expected.equals(found)) throw new AssertionError("expected " + expected + ", found " + found);
  }

  static <T> T taken(BlockingQueue<T> queue) throws InterruptedException {
    T found = queue.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
    if (found == null) throw new AssertionError("still waiting after " + DEADLINE_SECONDS + " s");
    return found;
  }

  static GetResponse nextOf(Channel channel, String queue, boolean autoAck) throws Exception {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
    while (System.nanoTime() < until) {
      GetResponse found = channel.basicGet(queue, autoAck);
      if (found != null) return found;
      Thread.sleep(5);
    }
    throw new AssertionError("still waiting for a message in " + queue);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(byte[] body) {
    return new String(body, StandardCharsets.UTF_8);
  }

  static final CancelCallback NOT_CANCELLED = tag -> {};

  static void comeBack(Connection connection, Channel channel) throws Exception {
    String exchange = "java." + UUID.randomUUID();
    channel.exchangeDeclare(exchange, "topic", false, true, null);
    String queue = channel.queueDeclare().getQueue();
    channel.queueBind(queue, exchange, "a.#");
    Map<String, Object> headers = new HashMap<>();
    headers.put("text", "ß €");
    headers.put("long", 1L << 40);
    headers.put("int", -7);
    headers.put("short", (short) -7);
    headers.put("byte", (byte) -7);
    headers.put("double", 1.5);
    headers.put("float", 2.5f);
    headers.put("decimal", new java.math.BigDecimal("12.34"));
    headers.put("yes", true);
    headers.put("none", null);
    headers.put("time", new Date(1_700_000_000_000L));
    headers.put("list", List.of(1, 2, List.of(3)));
    headers.put("table", Map.of("in", Map.of("deep", false)));
    AMQP.BasicProperties properties =
        new AMQP.BasicProperties.Builder()
            .contentType("text/plain").contentEncoding("utf-8").headers(headers).deliveryMode(2).priority(3)
            .correlationId("c").replyTo("r").expiration("60000").messageId("m").timestamp(new Date(1_700_000_000_000L))
            .type("t").userId("guest").appId("a").build();
    for (int number = 0; number < 100; number++) channel.basicPublish(exchange, "a.b", properties, bytes("" + number));
    BlockingQueue<Delivery> found = new LinkedBlockingQueue<>();
    channel.basicConsume(queue, false, (tag, delivery) -> {
      channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
      found.add(delivery);
    }, NOT_CANCELLED);
    Delivery last = null;
    for (int number = 0; number < 100; number++) {
      last = taken(found);
      equal("" + number, text(last.getBody()));
    }
    AMQP.BasicProperties received = last.getProperties();
    equal(asText(headers), asText(received.getHeaders()));
    equal(properties.builder().headers(null).build().toString(), received.builder().headers(null).build().toString());
  }

  /** Texts in headers come as an own class. */
  static String asText(Map<String, Object> headers) {
    Map<String, Object> texts = new java.util.TreeMap<>();
    headers.forEach((name, value) -> {
      texts.put(name, value instanceof LongString || value == null ? String.valueOf(value) : value.getClass().getSimpleName() + " " + value);
    });
    texts.put("text", String.valueOf(headers.get("text")));
    texts.put("list", String.valueOf(headers.get("list")));
    texts.put("table", String.valueOf(headers.get("table")));
    return texts.toString();
  }

  static void largeBody(Connection connection, Channel channel) throws Exception {
    String queue = channel.queueDeclare().getQueue();
    byte[] body = new byte[1_000_001];
    new Random(1).nextBytes(body);
    channel.basicPublish("", queue, null, body);
    channel.basicPublish("", queue, null, new byte[0]);
    equal(true, Arrays.equals(body, nextOf(channel, queue, true).getBody()));
    equal(0, nextOf(channel, queue, true).getBody().length);
  }

  static void confirms(Connection connection, Channel channel) throws Exception {
    channel.confirmSelect();
    Map<String, Object> arguments = Map.of("x-max-length", 5, "x-overflow", "reject-publish");
    String queue = channel.queueDeclare("", false, true, true, arguments).getQueue();
    for (int number = 0; number < 5; number++) {
      channel.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes("x"));
    }
    channel.waitForConfirmsOrDie(1000 * DEADLINE_SECONDS);
    channel.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes("too much"));
    equal(false, channel.waitForConfirms(1000 * DEADLINE_SECONDS));
  }

  static void returned(Connection connection, Channel channel) throws Exception {
    channel.confirmSelect();
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    channel.addReturnListener((code, reason, exchange, key, properties, body) -> told.add(code + " " + reason + " " + text(body)));
    channel.addConfirmListener((tag, multiple) -> told.add("ack " + tag), (tag, multiple) -> told.add("nack " + tag));
    channel.basicPublish("amq.direct", "nobody", true, null, bytes("back"));
    equal("312 NO_ROUTE back", taken(told));
    equal("ack 1", taken(told));
  }

  static void deadLetters(Connection connection, Channel channel) throws Exception {
    String dead = channel.queueDeclare().getQueue();
    Map<String, Object> arguments = Map.of("x-dead-letter-exchange", "", "x-dead-letter-routing-key", dead);
    String queue = channel.queueDeclare("", false, true, true, arguments).getQueue();
    channel.basicPublish("", queue, null, bytes("rejected"));
    channel.basicReject(nextOf(channel, queue, false).getEnvelope().getDeliveryTag(), false);
    GetResponse found = nextOf(channel, dead, true);
    Map<?, ?> death = (Map<?, ?>) ((List<?>) found.getProps().getHeaders().get("x-death")).get(0);
    equal("rejected rejected " + queue + " 1", text(found.getBody()) + " " + death.get("reason") + " " + death.get("queue") + " " + death.get("count"));
    channel.basicPublish("", queue, new AMQP.BasicProperties.Builder().expiration("1").build(), bytes("expired"));
    equal("expired", nextOf(channel, dead, true).getProps().getHeaders().get("x-first-death-reason").toString());
  }

  static void delayed(Connection connection, Channel channel) throws Exception {
    if (!connection.getServerProperties().get("platform").toString().contains("Leveret")) return;
    String exchange = "java." + UUID.randomUUID();
    channel.exchangeDeclare(exchange, "x-delayed-message", false, true, Map.of("x-delayed-type", "direct"));
    String queue = channel.queueDeclare().getQueue();
    channel.queueBind(queue, exchange, "k");
    long at = System.currentTimeMillis();
    AMQP.BasicProperties delay = new AMQP.BasicProperties.Builder().headers(Map.of("x-delay", 300)).build();
    channel.basicPublish(exchange, "k", delay, bytes("later"));
    equal(-300, nextOf(channel, queue, true).getProps().getHeaders().get("x-delay"));
    equal(true, System.currentTimeMillis() - at >= 300);
  }

  static void requests(Connection connection, Channel channel) throws Exception {
    String queue = channel.queueDeclare().getQueue();
    RpcServer server = new RpcServer(channel, queue) {
      @Override
      public byte[] handleCall(Delivery request, AMQP.BasicProperties reply) {
        return bytes(text(request.getBody()) + "!");
      }
    };
    Thread serving = new Thread(() -> {
      try {
        server.mainloop();
      } catch (IOException | ShutdownSignalException over) {
        // The connection is closed below it.
      }
    });
    serving.start();
    RpcClient client = new RpcClient(connection.createChannel(), "", queue, 1000 * DEADLINE_SECONDS);
    for (int number = 0; number < 10; number++) equal(number + "!", client.stringCall("" + number));
    client.close();
    server.terminateMainloop();
  }

  static void notFound(Connection connection, Channel channel) throws Exception {
    try {
      channel.queueDeclarePassive(UUID.randomUUID().toString());
      throw new AssertionError("it is there");
    } catch (IOException error) {
      AMQP.Channel.Close close = (AMQP.Channel.Close) ((ShutdownSignalException) error.getCause()).getReason();
      equal(404, close.getReplyCode());
    }
    equal(true, connection.createChannel().queueDeclare().getQueue().startsWith("amq.gen-"));
  }

  static void cancelled(Connection connection, Channel channel) throws Exception {
    String queue = channel.queueDeclare("java." + UUID.randomUUID(), false, false, false, null).getQueue();
    BlockingQueue<String> cancelled = new LinkedBlockingQueue<>();
    String tag = channel.basicConsume(queue, new DefaultConsumer(channel) {
      @Override
      public void handleCancel(String consumerTag) {
        cancelled.add(consumerTag);
      }
    });
    connection.createChannel().queueDelete(queue);
    equal(tag, taken(cancelled));
  }

  static void wrongPassword(Connection connection, Channel channel) throws Exception {
    ConnectionFactory factory = factory();
    factory.setPassword("wrong");
    try {
      factory.newConnection();
      throw new AssertionError("it was taken");
    } catch (AuthenticationFailureException expected) {
      equal(true, expected.getMessage().contains("ACCESS_REFUSED"));
    }
  }

  static void recovery(Connection connection, Channel channel) throws Exception {
    BlockingQueue<String> recovered = new LinkedBlockingQueue<>();
    ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
      @Override
      public void handleRecovery(Recoverable recoverable) {
        recovered.add("recovered");
      }

      @Override
      public void handleRecoveryStarted(Recoverable recoverable) {}
    });
    channel.confirmSelect();
    String queue = channel.queueDeclare("java." + UUID.randomUUID(), true, false, false, null).getQueue();
    BlockingQueue<String> found = new LinkedBlockingQueue<>();
    channel.basicConsume(queue, true, (tag, delivery) -> found.add(text(delivery.getBody())), NOT_CANCELLED);
    channel.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes("before"));
    equal("before", taken(found));
    ask("go-down");
    ask("come-back");
    taken(recovered);
    channel.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes("after"));
    channel.waitForConfirmsOrDie(1000 * DEADLINE_SECONDS);
    equal("after", taken(found));
    channel.queueDelete(queue);
  }
}
