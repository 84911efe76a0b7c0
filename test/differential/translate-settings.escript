#!/usr/bin/env escript
%% What RabbitMQ makes of a rabbitmq.conf: prints the Erlang terms that its schemas translate the file to.
main([Plugins, File]) ->
    [code:add_path(Path) || Path <- filelib:wildcard(Plugins ++ "/*/ebin")],
    Schema = cuttlefish_schema:files(filelib:wildcard(Plugins ++ "/*/priv/schema/*.schema")),
    io:setopts([{encoding, unicode}]),
    io:format("~tp.~n", [cuttlefish_generator:map(Schema, cuttlefish_conf:file(File))]).
