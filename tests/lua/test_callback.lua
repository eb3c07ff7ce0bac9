--- What a callback may do to the house it stands in.
local lares = require "lares"
local check = require "check"

-- Make a node with a daemon that calls `act` with its node, and return what
-- that answered.
local function inside(act, options)
    local node = check.node()
    local answer
    node:register(check.class("other", function(_, event)
        return event.data
    end))
    local other = node:spawn("other", options)
    node:register(check.class("subject", function()
        answer = table.pack(act(node, other))
    end))
    assert(node:spawn("subject"):deliver "x")
    return node, table.unpack(answer, 1, answer.n)
end

-- id: AB06
check.test("nothing waits inside a callback", function()
    local function code(...) return (select(3, ...)) end
    local _, deliver, run, stop, inbox, full = inside(function(node, other)
        local box = node:subscribe "out"
        node:publish("ticks", "fills it", 0)
        local full = code(node:publish("ticks", "x", 1))
        return code(other:deliver "x"), code(node:run(0)), other:stop(),
            code(box:next(1)), full
    end, {subscribe = {"ticks"}, mailbox_count = 1})
    check.equal(deliver, "EDEADLK")
    check.equal(run, "EDEADLK")
    check.equal(stop, true)
    check.equal(inbox, "EDEADLK")
    check.equal(full, "EDEADLK")
end)

check.test("publish, send, spawn and find work inside a callback", function()
    local node, publish, send, spawned, found = inside(function(node, other)
        local daemon = node:spawn "other"
        return node:publish("ticks", "x"), other:send "y", daemon.origin,
            node:find(daemon.origin).origin
    end)
    check.equal(publish, true)
    check.equal(send, true)
    check.equal(spawned, found)
    check.equal(#node:report "daemons", 3)
end)

check.test("a daemon that stops itself commits its turn first", function()
    local node = check.node()
    local daemon
    node:register(check.class("subject", function()
        assert(daemon:stop(0))
        return "last words"
    end))
    daemon = node:spawn "subject"
    check.equal(daemon:deliver("x")[1].data, "last words")
    node:run(0)
    check.answers("ECLOSED", daemon:deliver "x")
end)

check.test("a node that is stopped inside a callback ends after it",
    function()
        local node, stopped = inside(function(node) return node:stop(0) end)
        check.equal(stopped, true)
        check.equal(node:run(1), true)
    end)

check.test("spawning from init to no end is an error", function()
    local node = check.node()
    local class = check.class("subject", function() end)
    function class:init()
        self.child = assert(node:spawn "subject")
    end
    node:register(class)
    check.answers("ECALLBACK", node:spawn "subject")
    check.equal(#node:report "daemons", 0)
end)

check.test("a traceback names the callback, also behind another one",
    function()
        local node = check.node()
        node:register(check.class("other", function() end))
        node:register(check.class("subject", function()
            assert(node:spawn "other")
            error "after a spawn"
        end))
        node:spawn("subject", {subscribe = {"ticks"}})
        node:publish("ticks", "x")
        node:run(0.2)
        check.contains(node:report("letters")[1].text, " process")
    end)

check.test("the core may be called from a coroutine that is gone", function()
    local node = check.node()
    local seen = 0
    node:register(check.class("subject", function(_, event)
        seen = seen + 1
        coroutine.wrap(function() node:publish("other", event.data) end)()
        collectgarbage()
    end))
    local daemon
    coroutine.wrap(function()
        daemon = node:spawn("subject", {subscribe = {"ticks"}})
    end)()
    collectgarbage()
    coroutine.wrap(function()
        for _ = 1, 100 do node:publish("ticks", "x") end
        node:run(0)
    end)()
    check.equal(seen, 100)
    check.equal(check.row(node, daemon).arrival, 100)
end)

check.test("the program stays collected and even under load", function()
    local daemon, node = check.daemon(function(_, event)
        return {event.data, event.data}
    end, {publish = "out"})
    local inbox = node:subscribe("out", {mailbox_policy = "evict"})
    local before
    for i = 1, 3 * check.many(1000) do
        daemon:deliver(("x"):rep(100))
        if i == check.many(1000) then
            collectgarbage()
            before = collectgarbage "count"
        end
    end
    collectgarbage()
    check.equal(collectgarbage "count" < before + 64, true)
    inbox:close()
end)

check.test("two nodes of one program feed each other", function()
    local east, west = check.node(), check.node()
    local seen = {}
    east:register(check.class("echo", function(_, event)
        assert(west:publish("ticks", event.data))
    end))
    west:register(check.class("keep", function(_, event)
        seen[#seen + 1] = event.data
    end))
    east:spawn("echo", {subscribe = {"ticks"}})
    west:spawn("keep", {subscribe = {"ticks"}})
    east:publish("ticks", "a")
    east:run(0)
    check.equal(#seen, 0)
    west:run(0)
    check.equal(seen[1], "a")
end)

check.test("what a daemon sends to itself is queued", function()
    local daemon, node
    local seen = {}
    daemon, node = check.daemon(function(_, event)
        seen[#seen + 1] = event.data
        if event.data == "one" then assert(daemon:send "two") end
    end)
    assert(daemon:deliver "one")
    check.equal(table.concat(seen, " "), "one")
    node:run(0)
    check.equal(table.concat(seen, " "), "one two")
end)

check.test("a daemon that stops a sibling, or lets its handle go, harms nobody",
    function()
        local node = check.node()
        node:register(check.class("other", function(_, event)
            return event.data
        end))
        local other, safe = node:spawn "other", node:spawn "other"
        node:register(check.class("subject", function()
            assert(other:stop(0))
            other = nil
            collectgarbage()
            return "done"
        end))
        local subject = node:spawn "subject"
        check.equal(subject:deliver("x")[1].data, "done")
        node:run(0)
        check.equal(#node:report "daemons", 2)
        check.equal(safe:deliver("x")[1].data, "x")
    end)

check.test("too much is refused, and only that input fails", function()
    local result
    local daemon, node = check.daemon(function() return result end)
    check.quickly(function()
        result = {}
        for i = 1, 1025 do result[i] = "x" end
        check.contains(check.answers("ECALLBACK", daemon:deliver "x"), "1024")
        result = ("x"):rep(16 * 1024 * 1024 + 1)
        check.answers("ECALLBACK", daemon:deliver "x")
    end)
    result = "small"
    check.equal(daemon:deliver("x")[1].sequence, 1)
    check.equal(#node:report "letters", 0)
end)

check.test("a handler that stops its node ends the pass with it", function()
    local node = check.node()
    local ran = 0
    node.recovery:register(function()
        ran = ran + 1
        assert(node:stop(0))
        return 1
    end)
    node.recovery:register(function() ran = ran + 10 end)
    node.recovery:run()
    check.equal(node:run(1), true)
    check.equal(ran % 10, 1)
    check.answers("ECLOSED", node.recovery:run())
end)

check.test("a node that is forgotten in its handler ends after it", function()
    local node = lares.node "forgotten"
    local recovery, ended = node.recovery, false
    local class = check.class("echo", function() end)
    class.close = function() ended = true end
    node:register(class)
    node:spawn "echo"
    recovery:register(function()
        node = nil
        collectgarbage()
        collectgarbage()
        return 1
    end)
    check.equal(#recovery:run(), 1)
    recovery = nil
    for _ = 1, 3 do collectgarbage() end
    check.equal(ended, true)
end)

return check.run()
