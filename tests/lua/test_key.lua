local lares = require "lares"
local check = require "check"

check.test("a key comes from a seed, or is fresh", function()
    local seed = ("\1"):rep(32)
    local key = lares.key(seed)
    check.equal(key.origin, lares.key(seed).origin)
    check.equal(key:seed(), seed)
    check.equal(lares.key().origin ~= lares.key().origin, true)
    check.equal(#lares.key():seed(), 32)
    check.equal(key.colour, nil)
end)

check.test("a seed has 32 bytes", function()
    check.raises("EINVAL", lares.key, "")
    check.raises("EINVAL", lares.key, ("x"):rep(31))
    check.raises("EINVAL", lares.key, ("x"):rep(33))
    check.raises("string expected", lares.key, 32)
end)

-- id: LU04
check.test("ids are exact, also above 2^53 and 2^63", function()
    local high, low = false, false
    for i = 1, 32 do
        local key = lares.key(string.char(i):rep(32))
        check.equal(math.type(key.origin), "integer")
        check.equal(tonumber(lares.hex(key.origin), 16), key.origin)
        high = high or key.origin < 0
        low = low or key.origin > 0
    end
    check.equal(high and low, true)
end)

-- Five outputs of a daemon, and a chain for them.
local function outputs()
    local daemon = check.daemon(function(_, event) return event.data end)
    local events = {}
    for i = 1, 5 do events[i] = daemon:deliver(tostring(i))[1] end
    return lares.chain(daemon.origin), events
end

check.test("a chain checks every link", function()
    local chain, events = outputs()
    for _, event in ipairs(events) do
        check.equal(chain:check(event), true)
    end
end)

check.test("a chain shows what was changed, and stays where it was",
    function()
        local chain, events = outputs()
        chain:check(events[1])
        check.answers("EGAP", chain:check(events[3]))
        events[2].data = "other"
        check.answers("EDIGEST", chain:check(events[2]))
        events[2].data = "2"
        events[2].parent = events[2].parent ~ 1
        check.answers("EPARENT", chain:check(events[2]))
        events[2].parent = events[2].parent ~ 1
        check.equal(chain:check(events[2]), true)
        events[3].origin = events[3].origin ~ 1
        check.answers("EORIGIN", chain:check(events[3]))
    end)

check.test("a chain refuses what is no event", function()
    local chain, events = outputs()
    check.raises("table expected", chain.check, chain, 7)
    check.raises("event.origin is nil", chain.check, chain, {})
    events[1].data = nil
    check.raises("event.data is nil", chain.check, chain, events[1])
    check.raises("EINVAL", lares.chain, 0)
end)

check.test("a chain checks an input in hand", function()
    local chain, codes = nil, {}
    local daemon = check.daemon(function(_, event)
        chain = chain or lares.chain(event.origin)
        codes[#codes + 1] = tostring(chain:check(event))
    end)
    for _ = 1, 3 do daemon:deliver "x" end
    check.equal(table.concat(codes, " "), "true true true")
end)

return check.run()
