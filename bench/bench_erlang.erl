%% Erlang/OTP processes: row 14. The protocol is that of bench.h, by one
%% scheduler (erl +S 1:1).
-module(bench_erlang).
-export([main/0]).

main() ->
    serve(io:get_line("")).

serve(eof) ->
    halt();
serve(Line) ->
    [Count, Name] = string:split(string:trim(Line), " "),
    io:format("~b~n", [measure(Name, list_to_integer(Count))]),
    serve(io:get_line("")).

measure("spawn a process", Count) ->
    spawn_bursts(Count, 0);
measure("idle processes", Count) ->
    Before = resident(),
    Processes = spawn_idle(Count),
    Spent = resident() - Before,
    [stop(Process) || Process <- Processes],
    Spent.

%% As many at once as ours.
spawn_bursts(0, Spent) ->
    Spent;
spawn_bursts(Count, Spent) ->
    Start = erlang:monotonic_time(nanosecond),
    Processes = spawn_idle(64),
    Time = erlang:monotonic_time(nanosecond) - Start,
    [stop(Process) || Process <- Processes],
    spawn_bursts(Count - 64, Spent + Time).

%% The last one has run, and so have those before it.
spawn_idle(Count) ->
    Parent = self(),
    Processes = [spawn(fun idle/0) || _ <- lists:seq(2, Count)],
    Last = spawn(fun() -> Parent ! self(), idle() end),
    receive Last -> [Last | Processes] end.

idle() ->
    receive
        {stop, From} -> From ! {stopped, self()};
        _ -> idle()
    end.

%% The proof that it was there.
stop(Process) ->
    Process ! {stop, self()},
    receive {stopped, Process} -> ok end.

%% Bytes that are resident.
resident() ->
    {ok, File} = file:open("/proc/self/statm", [read, raw]),
    {ok, Text} = file:read(File, 100),
    ok = file:close(File),
    list_to_integer(lists:nth(2, string:lexemes(Text, " "))) * 4096.
